"""Parallel decode of a video's frames on several threads, where cores are idle: the same frames, sooner.

Either several decoders take the runs of the plan in turn, or one decoder decodes the pictures of a run in several
threads. Decoders of their own cost hardly more CPU time than one. Threads within a decoder wait for each other's rows,
so they pay for large pictures only, but they help where a video has few keyframes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass

from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from clips.decoding.bitstream.packet_reader import first_packet_matters
from clips.decoding.container import QUICK_PROBING, OpenVideo, VideoFile
from clips.decoding.picture import FullDecodeRequired
from clips.decoding.seek import Plan, decode_planned
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

Visit = Callable[[int, VideoFrame], None]
"""Takes a frame's index and the frame, on the thread that decoded it."""


@dataclass(frozen=True)
class Threads:
    """A number of decoders that share the runs, each on a thread, and the number of threads within each decoder."""

    decoders: int = 1
    within_each: int = 1


ALONE = Threads()


def visit_frames(
    file: VideoFile, video: OpenVideo, survey: Survey, plan: Plan, visit: Visit, max_threads: int = 1
) -> None:
    """Decode the planned packets and pass each frame on with its index; frames may come twice.

    Raises what `clips.decoding.seek.decode_planned` raises, once all threads have ended.

    Args:
        file: the video's file, opened again by each further decoder.
        video: the open video that the survey was made with.
        survey: facts about all packets.
        plan: the packets to feed.
        visit: called with each frame; safe to call on several threads at once.
        max_threads: the most threads to decode on.
    """
    threads = choose_threads(max_threads, video, survey, plan)
    if threads == ALONE:
        _take_runs(video, survey, plan, visit)
        return
    try:
        _visit_on(threads, file, video, survey, plan, visit)
    except FullDecodeRequired:
        # threads come upon damage at other moments, so one alone decides what is damaged
        with file.open(QUICK_PROBING) as again:
            _take_runs(again, survey, plan, visit)


def _visit_on(threads: Threads, file: VideoFile, video: OpenVideo, survey: Survey, plan: Plan, visit: Visit) -> None:
    # longest first, so that all decoders end at about the same time
    runs = deque(sorted(plan.runs, key=len, reverse=True) if threads.decoders > 1 else plan.runs)

    def work(opened: OpenVideo) -> None:
        _use_threads(opened.stream.codec_context, threads.within_each)
        try:
            _take_runs(opened, survey, plan, visit, _taken_from(runs))
        finally:
            runs.clear()  # after a failure no other decoder need go on

    def work_too() -> None:
        with file.open(QUICK_PROBING) as again:
            work(again)

    with ThreadPoolExecutor(threads.decoders, "decoder") as others:
        waiting = []
        with suppress(RuntimeError):  # no thread can be started: this one takes all runs
            waiting = [others.submit(work_too) for _ in range(threads.decoders - 1)]
        work(video)
        for each in waiting:
            each.result()


def _take_runs(
    video: OpenVideo,
    survey: Survey,
    plan: Plan,
    visit: Visit,
    runs: Iterable[Sequence[int]] | None = None,
) -> None:
    with closing(decode_planned(video, survey, plan, runs)) as frames:
        for index, frame in frames:
            visit(index, frame)


def _use_threads(context: VideoCodecContext, num_threads: int) -> None:
    context.thread_count = num_threads
    context.thread_type = ThreadType.AUTO
    # what decoders make of damage depends on their threads, so they had better fail
    context.options = {**context.options, "err_detect": "explode"}


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


def _taken_from(runs: deque[Sequence[int]]) -> Iterator[Sequence[int]]:
    """Yield runs until all are taken, by this thread or by others."""
    while True:
        try:
            run = runs.popleft()
        except IndexError:
            return
        yield run
