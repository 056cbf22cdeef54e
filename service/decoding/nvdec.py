"""Decoding by NVIDIA's hardware, through torchcodec, in this process: for operators who trust every video.

No sandbox reaches the driver, which parses the video, and colours are converted by other formulas than everywhere else.
What the hardware does not decode, the workers do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from anyio import CapacityLimiter, to_thread

from clips.decoding.container import QUICK_PROBING, VideoFile, VideoSource
from clips.decoding.decode import DecodedClip, DecodeReport
from clips.decoding.errors import ClipError
from clips.decoding.frames import describe
from clips.decoding.limits import DecodeLimits
from clips.model_input import ModelInput
from clips.part import WHOLE, Part, PickFrames
from clips.preprocess import preprocess
from service.backends import cuda
from service.decoding.job import DecodeJob, Preprocessor

MAX_AT_ONCE = 4
"""Videos at the same time; each takes memory of the GPU."""

WITHOUT_TIMES = {"avi"}
"""Containers whose times FFmpeg invents; torchcodec takes other frames of them than a full decode counts."""

OpenVideo = Callable[[VideoSource, str], Any]
"""Opens a video on a device, as torchcodec's VideoDecoder of frames [H, W, 3]."""

logger = logging.getLogger("service")


class NvdecUnavailable(Exception):
    """The hardware cannot be used on this machine; the message says what is missing."""


class NotOnGpu(Exception):
    """The hardware does not decode this video."""


def check_nvdec(gpus: Sequence[int]) -> None:
    """Raise NvdecUnavailable unless there is a GPU to decode on, and torchcodec is installed."""
    if not gpus:
        raise NvdecUnavailable("TIN_DECODE=nvdec needs a GPU, and TIN_DEVICE is cpu")
    if cuda.count_devices() <= gpus[0]:
        raise NvdecUnavailable(f"TIN_DECODE=nvdec needs {cuda.device_of(gpus[0])}, and no NVIDIA driver answers for it")
    try:
        import torchcodec.decoders  # noqa: F401, PLC0415 - optional
    except (ImportError, OSError, RuntimeError) as error:
        hint = "pip install torchcodec, beside torch with CUDA"
        raise NvdecUnavailable(f"TIN_DECODE=nvdec needs torchcodec ({type(error).__name__}): {hint}") from error


def open_by_torchcodec(source: VideoSource, device: str) -> Any:
    """Open a video's bytes or path; raises RuntimeError and ValueError for one that torchcodec does not take."""
    from torchcodec.decoders import VideoDecoder  # noqa: PLC0415 - optional

    return VideoDecoder(source, device=device, dimension_order="NHWC", seek_mode="exact")


class NvdecPool:
    """Decodes whole videos on a GPU; parts of videos, and what the GPU does not take, go to the workers.

    Args:
        workers: Decoders on cores.
        gpu: CUDA's number of the GPU.
        open_video: Opens a video on a device.
    """

    def __init__(self, workers: Preprocessor, gpu: int = 0, open_video: OpenVideo = open_by_torchcodec) -> None:
        self._workers = workers
        self._device = cuda.device_of(gpu)
        self._open_video = open_video
        self._threads = CapacityLimiter(MAX_AT_ONCE)

    async def preprocess(self, job: DecodeJob) -> ModelInput:
        """Return the model's input; raises what the workers raise."""
        if job.part == WHOLE:
            try:
                return await to_thread.run_sync(self._preprocess, job, abandon_on_cancel=True, limiter=self._threads)
            except (NotOnGpu, ClipError) as error:  # the workers know better what is wrong with a video
                logger.info("a video is decoded by a worker, not on %s: %s", self._device, error)
        return await self._workers.preprocess(job)

    def _preprocess(self, job: DecodeJob) -> ModelInput:
        return preprocess(
            job.video,
            job.spec,
            job.limits,
            thumbnails=job.thumbnails,
            shifted=job.shifted,
            decode_video=self._decode,
        )

    def _decode(
        self, source: VideoSource, pick_frames: PickFrames, limits: DecodeLimits, part: Part, threads: int
    ) -> DecodedClip:
        """Decode the frames that `pick_frames` chooses; raises NotOnGpu and ClipError."""
        with VideoFile(source, limits).open(QUICK_PROBING) as video:
            if video.container.format.name in WITHOUT_TIMES:
                raise NotOnGpu(f"{video.container.format.name} has no times, by which torchcodec finds frames")
            try:
                opened = self._open_video(source, self._device)
                if opened.cpu_fallback:
                    raise NotOnGpu(str(opened.cpu_fallback))
                num_frames = len(opened)
                video.check_frames(num_frames)
                indices = tuple(pick_frames(num_frames))
                wanted = opened.get_frames_at([*indices, num_frames - 1])
                images, seconds = wanted.data.cpu().numpy(), wanted.pts_seconds.tolist()
            except (OSError, RuntimeError, ValueError, IndexError) as error:
                raise NotOnGpu(f"{type(error).__name__}: {error}") from error
            begin = opened.metadata.begin_stream_seconds or 0.0
            *times, last = (each - begin for each in seconds)
            height, width = images.shape[1:3]
            return DecodedClip(
                images=tuple(np.ascontiguousarray(image) for image in images[:-1]),
                indices=indices,
                times=tuple(times),
                video=describe(video, (width, height), num_frames, last),
                report=DecodeReport("full", num_frames, num_frames, f"decoded on {self._device}"),
            )
