"""Visit the frames of a plan on several threads, each frame on the thread that decodes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from clips.decoding.container import QUICK_PROBING, OpenVideo, VideoFile
from clips.decoding.parallel.threads import ALONE, Threads, choose_threads
from clips.decoding.picture import FullDecodeRequired
from clips.decoding.seek import Plan, decode_planned
from clips.decoding.survey.survey import Survey

Visit = Callable[[int, VideoFrame], None]
"""Takes a frame's index and the frame, on the thread that decoded it."""


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


def _taken_from(runs: deque[Sequence[int]]) -> Iterator[Sequence[int]]:
    """Yield runs until all are taken, by this thread or by others."""
    while True:
        try:
            run = runs.popleft()
        except IndexError:
            return
        yield run
