"""CSV: a heading and a row for each segment, for spreadsheets."""

from __future__ import annotations

import csv
from typing import TextIO

from service.inference.segmentation import Segment
from service.segment_files.row import FIELDS, row_of


class CsvWriter:
    """Writes segments as rows of CSV; where nothing is named, `label` and `index` are empty."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._rows = csv.DictWriter(file, FIELDS, lineterminator="\n")
        self._rows.writeheader()

    def add(self, segment: Segment) -> None:
        """Write the segment's row."""
        self._rows.writerow(row_of(segment))
        self._file.flush()

    def close(self) -> None:
        """Do nothing: a table of rows has no end of its own."""
