"""Folders of JPEG frames in the layout of `python -m training.prepare`."""

from __future__ import annotations

from pathlib import Path

import cv2

from tests.helpers.videos.moving_square import moving_square
from training.lists.item_list import ListItem

FILE_NAME = "img_{:05}.jpg"


def write_frames(folder: Path, num_frames: int, label: int = 0, *, width: int = 96, height: int = 64) -> ListItem:
    """Write a moving square, a JPEG per frame; return the folder's list item."""
    folder.mkdir()
    for number, frame in enumerate(moving_square(num_frames, width, height), start=1):
        assert cv2.imwrite(str(folder / FILE_NAME.format(number)), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    return ListItem(folder, label, num_frames)


def read_frame(item: ListItem, index: int):
    """Read a frame of a folder as RGB, independently of the code under test."""
    image = cv2.imread(str(item.path / FILE_NAME.format(index + 1)))
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
