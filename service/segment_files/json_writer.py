"""JSON: one array of all segments."""

from __future__ import annotations

import json
from typing import TextIO

from service.inference.segmentation import Segment
from service.segment_files.row import row_of


class JsonWriter:
    """Writes segments as objects of one array, which `close` ends."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._before = "[\n"

    def add(self, segment: Segment) -> None:
        """Write the segment's object."""
        self._file.write(f"{self._before}{json.dumps(row_of(segment), ensure_ascii=False)}")
        self._before = ",\n"

    def close(self) -> None:
        """End the array."""
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")
