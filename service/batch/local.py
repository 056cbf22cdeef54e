"""Prediction on this machine: one thread per decoding worker process; all threads share the model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from clips.decoding.errors import ClipError
from clips.decoding.limits import DecodeLimits
from service.batch.decoding import FileDecoder
from service.batch.inference import infer_each
from service.batch.inputs import is_stream, read_stream
from service.batch.remote_inputs import read_remote_video
from service.batch.request import PredictOptions
from service.batch.results.result import Failed, Result, failure
from service.config.settings import Settings
from service.models.versions import LoadedModel
from service.store.addresses import AddressError, address_of, name_of

AHEAD = 2
"""Videos submitted per worker process while the first result is awaited."""


def predict_videos(
    videos: Sequence[Path], model: LoadedModel, options: PredictOptions, settings: Settings
) -> Iterator[Result]:
    """Yield the result of each video, in order.

    Args:
        videos: files, also at addresses, folders of frames, standard input as `-`, or named pipes.
        model: the loaded model that `options` names.
        options: number of actions, stability and features.
        settings: number of decoders and their limits.
    """
    limits, max_memory_bytes = settings.decode_limits(), settings.max_decoder_bytes
    decoders = [
        FileDecoder(model.spec, limits, max_memory_bytes, shifted=options.stability, part=options.part)
        for _ in range(min(settings.decoders, len(videos)))
    ]
    idle: SimpleQueue[FileDecoder] = SimpleQueue()
    for decoder in decoders:
        idle.put(decoder)
    predict = partial(_result, idle=idle, max_bytes=limits.max_bytes, model=model, options=options)
    waiting: deque[Future[Result]] = deque()
    with _threads(decoders) as threads:
        for video in videos:
            waiting.append(_submit(threads, video, limits, predict))
            if len(waiting) == AHEAD * len(decoders):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _submit(
    threads: ThreadPoolExecutor, video: Path, limits: DecodeLimits, predict: Callable[[Path, bytes | None], Result]
) -> Future[Result]:
    """Predict in a thread. A stream is read in this one, which Ctrl-C interrupts, and so before the next video."""
    try:
        content = read_stream(video, limits.max_bytes) if is_stream(video) else None
    except (OSError, ClipError) as error:
        failed: Future[Result] = Future()
        failed.set_result(failure(str(video), error))
        return failed
    return threads.submit(predict, video, content)


def _result(
    video: Path,
    content: bytes | None,
    idle: SimpleQueue[FileDecoder],
    max_bytes: int,
    model: LoadedModel,
    options: PredictOptions,
) -> Result:
    if address := address_of(video):
        try:
            content = read_remote_video(address, max_bytes)
        except (AddressError, ClipError) as error:
            return Failed(address, str(error), lasts=isinstance(error, ClipError))
    decoder = idle.get()
    try:
        decoded = decoder.decode(name_of(video), Path(), content)
    finally:
        idle.put(decoder)
    return decoded if isinstance(decoded, Failed) else infer_each([decoded], model, options)[0]


@contextmanager
def _threads(decoders: Sequence[FileDecoder]) -> Iterator[ThreadPoolExecutor]:
    """One thread per decoder; on exit, unfinished work is abandoned."""
    threads = ThreadPoolExecutor(max(1, len(decoders)))
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for decoder in decoders:
            decoder.kill()
        threads.shutdown()
        for decoder in decoders:
            decoder.close()
