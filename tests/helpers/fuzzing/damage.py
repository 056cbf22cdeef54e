"""Fuzzing of the decoder: on damaged files it may only return frames or raise ClipError, within its limits.

python -m tests.helpers.fuzzing.damage CORPUS --seed 1 --cases 500     one process of test_fuzz.py
python -m tests.helpers.fuzzing.damage CORPUS --atheris [OPTION ...]   until Ctrl-C; `make fuzz`
"""

import argparse
import importlib
import os
import random
import sys
import time
from pathlib import Path

from clips.decoding.decode import decode
from clips.decoding.errors import ClipError
from clips.decoding.limits import DecodeLimits
from clips.decoding.stream import open_stream
from clips.sampling import evaluation_indices
from clips.windows import Windowing, frames_within, windows_of
from service.decoding.sandbox.confinement import Sandbox, confine
from tests.helpers.fuzzing.corpus import write_corpus
from tests.helpers.fuzzing.mutation import mutate

LIMITS = DecodeLimits(max_pixels_per_frame=1920 * 1088, max_packets=2_000, max_frames=2_000, max_cpu_seconds=4)
SLACK_SECONDS = 2
"""The limit is checked between packets, so the last one may exceed it."""
MAX_GROWTH_BYTES = 400 << 20
STATUS = os.open("/proc/self/status", os.O_RDONLY)
"""Opened before the process is confined."""


def check(data: bytes) -> str:
    """Decode and return the path taken or the ClipError's name; raise for anything else, or for too much CPU time."""
    started = time.thread_time()
    try:
        clip = decode(data, lambda num_frames: evaluation_indices(num_frames, 8), LIMITS)
    except ClipError as error:
        outcome = type(error).__name__
    else:
        outcome = clip.report.path
        assert len(clip.images) == len(clip.indices) == len(clip.times) == 8
        assert all(image.ndim == 3 and image.shape[2] == 3 and image.dtype == "uint8" for image in clip.images)
        assert all(image.size <= 3 * LIMITS.max_pixels_per_frame for image in clip.images)
    check_stream(data)
    assert time.thread_time() - started < 2 * (LIMITS.max_cpu_seconds + SLACK_SECONDS), "took too long"
    return outcome


def check_stream(data: bytes) -> None:
    """Stream one frame of each window of a timeline, or accept a ClipError."""
    try:
        with open_stream(data, LIMITS) as stream:
            windows = windows_of(stream.duration_seconds, Windowing(0.4, 0.2, 2000))
            wanted = {frames_within(window, stream.times)[-1] for window in windows}
            taken = [(index, image.shape[2]) for index, image in stream.frames(wanted)]
    except ClipError:
        return
    assert taken == [(index, 3) for index in sorted(wanted)]


def run_cases(corpus: list[bytes], seed: int, cases: int) -> dict[str, int]:
    """Check mutated files and count the outcomes; raise AssertionError if memory grows beyond MAX_GROWTH_BYTES."""
    outcomes: dict[str, int] = {}
    peak = _peak_bytes()
    for case in range(cases):
        rng = random.Random(seed * 1_000_003 + case)
        try:
            outcome = check(mutate(rng.choice(corpus), corpus, rng))
        except BaseException:
            sys.stderr.write(f"seed {seed}, case {case}\n")
            raise
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert _peak_bytes() - peak < MAX_GROWTH_BYTES, f"memory grew by {(_peak_bytes() - peak) >> 20} MB"
    return outcomes


def _peak_bytes():
    return int(os.pread(STATUS, 4096, 0).split(b"VmHWM:")[1].split()[0]) * 1024


def fuzz_forever(corpus: Path, options: list[str]) -> None:
    """Run Atheris, which is guided by coverage, until it is interrupted."""
    import atheris  # noqa: PLC0415 - an extra that only this needs

    if not corpus.is_dir():
        write_corpus(corpus, "/nowhere/canary.ts", "127.0.0.1:9")
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options, str(corpus)], check)
    atheris.Fuzz()


def main() -> None:
    """Parse the command line and fuzz."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--atheris", action="store_true")
    arguments, options = parser.parse_known_args()
    if arguments.atheris:
        fuzz_forever(arguments.corpus, options)
        return
    corpus = [path.read_bytes() for path in sorted(arguments.corpus.iterdir())]
    importlib.import_module("service.decoding.sandbox.late_parts")
    assert confine() is Sandbox.SECCOMP
    for data in corpus:
        check(data)
    sys.stdout.write(f"{run_cases(corpus, arguments.seed, arguments.cases)}\n")


if __name__ == "__main__":
    main()
