"""Row of a segment: its fields under the names that POST /timeline gives them."""

from __future__ import annotations

from service.inference.segmentation import Segment

FIELDS = ("start_seconds", "end_seconds", "label", "index", "probability", "num_windows")

Value = float | int | str | None


def row_of(segment: Segment) -> dict[str, Value]:
    """Return the fields in the order of `FIELDS`; `label` and `index` are None where nothing is named.

    Times are rounded to the microsecond, the probability to six decimals.
    """
    values = (
        round(segment.start, 6),
        round(segment.end, 6),
        segment.label,
        segment.index,
        round(segment.probability, 6),
        segment.num_windows,
    )
    return dict(zip(FIELDS, values, strict=True))
