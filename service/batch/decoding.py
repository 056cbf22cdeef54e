"""File decoding: a video file becomes the model's input in a worker process with limits, replaced when it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clips.clip_spec import ClipSpec
from clips.decoding.frame_folder import find_frames
from clips.decoding.limits import DecodeLimits
from clips.model_input import ModelInput
from clips.part import WHOLE, Part
from service.batch.results.result import Failed, failure
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder


@dataclass(frozen=True)
class Decoded:
    """A decoded video that waits for the model."""

    file: str
    size_bytes: int
    clip: ModelInput


class FileDecoder:
    """Decodes one file after the other, in a worker process that starts with the first. For one thread at a time.

    Args:
        spec: the model's input.
        limits: limits of each decode.
        max_memory_bytes: address space of the worker process.
        shifted: also sample each video half a segment later.
        part: the part of each video that is seen.
    """

    def __init__(
        self, spec: ClipSpec, limits: DecodeLimits, max_memory_bytes: int, *, shifted: bool, part: Part = WHOLE
    ) -> None:
        self._spec = spec
        self._limits = limits
        self._max_memory_bytes = max_memory_bytes
        self._shifted = shifted
        self._part = part
        self._decoder: Decoder | None = None

    def decode(self, file: str, folder: Path, content: bytes | None = None) -> Decoded | Failed:
        """Decode a video file or a folder of frames; an error that concerns the file is returned, not raised.

        Args:
            file: its name, relative to `folder` unless it is absolute.
            folder: where relative names begin.
            content: bytes of a video that has been read already, from a stream named `file`.
        """
        video = folder / file
        try:
            size_bytes = _size_of(video) if content is None else len(content)
            source = video if content is None else content
            job = DecodeJob(source, self._spec, self._limits, shifted=self._shifted, part=self._part)
            clip = self._running_decoder().preprocess(job)
        except Exception as error:
            return failure(file, error)
        return Decoded(file, size_bytes, clip)

    def kill(self) -> None:
        """End the worker process at once; a thread that waits for it goes on."""
        if self._decoder:
            self._decoder.kill()

    def close(self) -> None:
        """End the worker process, which no thread may wait for."""
        if self._decoder:
            self._decoder.close()

    def _running_decoder(self) -> Decoder:
        if self._decoder is None or not self._decoder.is_alive:
            self.close()
            self._decoder = Decoder(self._max_memory_bytes)
        return self._decoder


def _size_of(video: Path) -> int:
    frames = find_frames(video) if video.is_dir() else None
    if frames is not None:
        return frames.size_bytes
    with video.open("rb"):  # raises IsADirectoryError for a folder that holds no frames
        return video.stat().st_size
