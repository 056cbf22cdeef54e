"""Readers of a listed item's frames: folders of JPEGs, and video files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from clips.decoding.decode import decode
from clips.decoding.errors import ClipError
from clips.decoding.frames import Image
from clips.part import PickFrames
from training.lists.item_list import ListItem


class UnreadableItem(Exception):
    """An item cannot be read; `str()` is a line of path and reason. Can be pickled between processes."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class ItemReader(Protocol):
    """Reader of the items of one kind of list."""

    def read(self, item: ListItem, pick_frames: PickFrames) -> Sequence[Image]:
        """Read the picked frames: uint8 [H, W, 3] RGB, of one size; repeated indices share one array.

        `pick_frames` maps the item's number of frames to indices. Raises UnreadableItem.
        """


@dataclass(frozen=True)
class FrameFolderReader:
    """Reader of frame folders; `file_name` is a format of the number, from 1, such as "img_{:05}.jpg".

    MMAction2: `RawframeDataset(filename_tmpl=file_name, start_index=1)`.
    """

    file_name: str

    def read(self, item: ListItem, pick_frames: PickFrames) -> Sequence[Image]:
        """Read the picked frames; no other files are opened. Raises UnreadableItem."""
        if item.num_frames is None:
            raise ValueError(f"{item.path} is listed without its number of frames, like a video")
        indices = pick_frames(item.num_frames)
        images = {index: self._read_frame(item.path, index) for index in dict.fromkeys(indices)}
        if len({image.shape for image in images.values()}) > 1:
            raise UnreadableItem(item.path, "its frames differ in size")
        return [images[index] for index in indices]

    def _read_frame(self, folder: Path, index: int) -> Image:
        name = self.file_name.format(index + 1)
        try:
            image = _decode_image((folder / name).read_bytes())
        except OSError as error:
            raise UnreadableItem(folder, f"{name}: {error.strerror}") from error
        if image is None:
            raise UnreadableItem(folder, f"{name} is not an image, or is truncated")
        return image


@dataclass(frozen=True)
class VideoReader:
    """Reader of video files, decoded exactly as the gateway decodes them."""

    def read(self, item: ListItem, pick_frames: PickFrames) -> Sequence[Image]:
        """Decode the picked frames; the frame count is the file's, not the list's. Raises UnreadableItem."""
        try:
            return decode(item.path, pick_frames).images
        except ClipError as error:
            raise UnreadableItem(item.path, str(error)) from error
        except OSError as error:
            raise UnreadableItem(item.path, error.strerror or str(error)) from error


def _decode_image(file: bytes) -> Image | None:
    """Decode an image file to uint8 [H, W, 3] RGB; return None if OpenCV cannot."""
    try:
        image = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)
