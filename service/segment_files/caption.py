"""Caption: the action that goes on, its probability and a progress bar, drawn on a frame."""

from __future__ import annotations

import cv2

from clips.decoding.frames import Image
from service.inference.segmentation import Segment

WHITE = (255, 255, 255)
PROGRESS = (64, 196, 255)
"""Colours of text and progress bar, RGB."""

BAND_SHARE = 1 / 8
"""Height of the darkened band behind the text, as a share of the frame's."""
LEAST_BAND = 16
"""Height of the band in pixels of a frame that is small."""


class Captioner:
    """Draws captions on frames of one size; the text is in any script that OpenCV's own font has.

    Args:
        width: of the frames, in pixels.
        height: of the frames, in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._band = min(height, max(LEAST_BAND, round(height * BAND_SHARE)))
        self._font = cv2.FontFace("sans")
        self._segment: Segment | None = None
        self._text = ""
        self._text_size = 1

    def draw(self, image: Image, segment: Segment | None, progress: float) -> None:
        """Draw on the frame, uint8 [H, W, 3] RGB; `progress` is the share of the video that is over, from 0 to 1.

        Without a segment, or one that names nothing, only the progress bar is drawn.
        """
        if segment is not None and segment.label is not None:
            self._write(image, segment)
        bar = max(2, self._band // 8)
        cv2.rectangle(image, (0, self._height - bar), (round(progress * self._width), self._height), PROGRESS, -1)

    def _write(self, image: Image, segment: Segment) -> None:
        if segment is not self._segment:
            self._choose_text(segment)
        image[self._height - self._band :] //= 3
        baseline = self._height - round(self._band * 0.35)
        cv2.putText(image, self._text, (self._margin, baseline), WHITE, self._font, self._text_size)

    @property
    def _margin(self) -> int:
        return self._band // 4

    def _choose_text(self, segment: Segment) -> None:
        """Choose a size in which the text fits into the frame's width."""
        self._segment = segment
        self._text = f"{' '.join(str(segment.label).split())}  {100 * segment.probability:.0f} %"
        size = round(self._band * 0.55)
        _, _, width, _ = cv2.getTextSize((1 << 15, 1 << 15), self._text, (0, 0), self._font, size)
        room = self._width - 2 * self._margin
        self._text_size = max(4, min(size, size * room // max(1, width)))
