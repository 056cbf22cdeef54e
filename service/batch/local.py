"""Results of videos on this machine: as many threads as children that decode, and the model in all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from service.batch.decoding import FileDecoder
from service.batch.inference import infer_each
from service.batch.request import PredictOptions
from service.batch.results import Failed, Result
from service.config.settings import Settings
from service.models.registry import LoadedModel

AHEAD = 2
"""Videos in work or done, for each child, while the first of them is waited for."""


def predict_videos(
    videos: Sequence[Path], model: LoadedModel, options: PredictOptions, settings: Settings
) -> Iterator[Result]:
    """One for each video, in their order; `model` is the options's."""
    bounds, max_memory_bytes = settings.decode_limits(), settings.max_decoder_bytes
    decoders = [
        FileDecoder(model.spec, bounds, max_memory_bytes, shifted=options.stability)
        for _ in range(min(settings.decoders, len(videos)))
    ]
    idle: SimpleQueue[FileDecoder] = SimpleQueue()
    for decoder in decoders:
        idle.put(decoder)
    waiting: deque[Future[Result]] = deque()
    with _threads(decoders) as threads:
        for video in videos:
            waiting.append(threads.submit(_result, video, idle, model, options.top_k))
            if len(waiting) == AHEAD * len(decoders):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _result(video: Path, idle: SimpleQueue[FileDecoder], model: LoadedModel, top_k: int) -> Result:
    decoder = idle.get()
    try:
        decoded = decoder.decode(str(video), Path())
    finally:
        idle.put(decoder)
    return decoded if isinstance(decoded, Failed) else infer_each([decoded], model, top_k)[0]


@contextmanager
def _threads(decoders: Sequence[FileDecoder]) -> Iterator[ThreadPoolExecutor]:
    """One for each decoder. At the end, what they are at is given up."""
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
