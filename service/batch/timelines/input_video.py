"""Input video of a command line: a file, an address, or a stream that can be read only once."""

from __future__ import annotations

from pathlib import Path

from clips.decoding.errors import NotAVideo
from clips.decoding.frame_folder import find_frames
from service.batch.inputs import is_stream, read_stream
from service.batch.remote_inputs import read_remote_video
from service.store.addresses import address_of, name_of


class InputVideo:
    """A video that is named on the command line, and read when it is its turn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = name_of(path)
        self._read: bytes | None = None

    def content(self, max_bytes: int) -> Path | bytes:
        """Return the path of a file, or the bytes of an address or a stream; those of a stream are kept.

        Raises ClipError, AddressError and OSError.
        """
        if address := address_of(self.path):
            return read_remote_video(address, max_bytes)
        if self._read is None and is_stream(self.path):
            self._read = read_stream(self.path, max_bytes)
        if self._read is None and self.path.is_dir() and find_frames(self.path):
            raise NotAVideo("a folder of frames is no film; `tin predict` names the action in it")
        return self.path if self._read is None else self._read
