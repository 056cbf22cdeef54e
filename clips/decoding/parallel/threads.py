"""Threads of a decode: several decoders that take the runs of the plan in turn, or several threads within one decoder.

Decoders of their own cost hardly more CPU time than one. Threads within a decoder wait for each other's rows, so they
pay for large pictures only, but they help where a video has few keyframes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clips.decoding.bitstream.packet_reader import first_packet_matters
from clips.decoding.container import OpenVideo
from clips.decoding.seek import Plan
from clips.decoding.survey.survey import Survey

INDEPENDENT_RUNS = frozenset({"av1", "h264", "hevc", "mjpeg", "vp9"})
"""Codecs whose decoders need not have seen the runs before. Those of MPEG-4 may keep facts of a first packet, and that
of VP8 does not notice all damage, of which it then makes what it has seen before."""

SINGLE_THREADED = frozenset({"av1", "vp8"})
"""Codecs whose decoder gets no threads of its own. That of AV1 gains little by them, for 40 % more CPU time."""

MIN_PIXELS = 2_500_000
"""A decode of fewer pixels in all is over before a second decoder is ready."""

MIN_PIXELS_OF_PICTURE = 200_000
"""On smaller pictures the threads within a decoder mostly wait."""

GOOD_SPEEDUP = 1.5
"""What two threads within a decoder gain; decoders of their own are better where they promise more."""
SMALL_SPEEDUP = 1.1
"""What decoders of their own must promise where threads within one are of no use."""

WAITING_THREADS = 2
"""Threads within a decoder that wait at any moment, and so need no core."""


@dataclass(frozen=True)
class Threads:
    """A number of decoders that share the runs, each on a thread, and the number of threads within each decoder."""

    decoders: int = 1
    within_each: int = 1


ALONE = Threads()


def choose_threads(max_threads: int, video: OpenVideo, survey: Survey, plan: Plan) -> Threads:
    """Choose how to use up to `max_threads` threads for the packets of the plan."""
    pixels = video.stream.codec_context.width * video.stream.codec_context.height
    if max_threads == 1 or plan.num_fed * pixels < MIN_PIXELS:
        return ALONE
    uses_threads = pixels >= MIN_PIXELS_OF_PICTURE and video.codec not in SINGLE_THREADED
    decoders = min(max_threads, len(plan.runs)) if _has_independent_runs(video, survey) else 1
    if _speedup(plan.runs, decoders) < (GOOD_SPEEDUP if uses_threads else SMALL_SPEEDUP):
        decoders = 1
    within_each = max_threads // decoders if uses_threads else 1
    # more than cores, as each waits for the others now and then
    return Threads(decoders, within_each + WAITING_THREADS if within_each > 1 else 1)


def _has_independent_runs(video: OpenVideo, survey: Survey) -> bool:
    # packets that are read a second time come in one order, to one decoder
    if not survey.reads_in_any_order or video.codec not in INDEPENDENT_RUNS:
        return False
    return not first_packet_matters(video.codec, survey.first_packet)


def _speedup(runs: Sequence[Sequence[int]], decoders: int) -> float:
    """Return the speed-up over one decoder, by numbers of packets."""
    lengths = [len(run) for run in runs]
    return sum(lengths) / max(*lengths, sum(lengths) / decoders)
