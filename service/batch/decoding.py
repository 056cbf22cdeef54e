"""A file becomes the model's input, in a child with limits that is replaced when it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clips.clip_spec import ClipSpec
from clips.decoding.limits import DecodeLimits
from clips.preprocess import ModelInput
from service.batch.results import Failed, failure
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder


@dataclass(frozen=True)
class Decoded:
    """A video that awaits the model."""

    file: str
    size_bytes: int
    clip: ModelInput


class FileDecoder:
    """For one thread at a time; its child starts with the first file, and may use so much memory.

    With `shifted`, each video is sampled a second time, half a segment later.
    """

    def __init__(self, spec: ClipSpec, limits: DecodeLimits, max_memory_bytes: int, *, shifted: bool) -> None:
        self._spec = spec
        self._limits = limits
        self._max_memory_bytes = max_memory_bytes
        self._shifted = shifted
        self._decoder: Decoder | None = None

    def decode(self, file: str, folder: Path) -> Decoded | Failed:
        """`file` is the video's name, relative to `folder` unless it is absolute."""
        video = folder / file
        try:
            with video.open("rb"):  # the child would not say what the system has against it
                size_bytes = video.stat().st_size
            clip = self._living_decoder().preprocess(DecodeJob(video, self._spec, self._limits, shifted=self._shifted))
        except Exception as error:
            return failure(file, error)
        return Decoded(file, size_bytes, clip)

    def kill(self) -> None:
        """End the child, whatever it does: the thread that waits for it goes on."""
        if self._decoder:
            self._decoder.kill()

    def close(self) -> None:
        """End the child, for which nobody waits."""
        if self._decoder:
            self._decoder.close()

    def _living_decoder(self) -> Decoder:
        if self._decoder is None or not self._decoder.is_alive:
            self.close()
            self._decoder = Decoder(self._max_memory_bytes)
        return self._decoder
