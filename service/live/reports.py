"""Reports of a live source: lines for people, or JSON lines for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime

from service import console
from service.api.schemas.presenters import segment_of_clip
from service.console import clock
from service.inference.segmentation import Segment
from service.live.mailbox import Connected, Lost
from service.live.rows import ConnectedRow, EndRow, LostRow, Row, SegmentRow, StartRow, StatusRow, Totals
from service.live.status_line import StatusLine
from service.models.versions import LoadedModel

NOTHING_NAMED = "nothing named"

CountTotals = Callable[[], Totals]


class TextReport:
    """Prints a line for each segment on stdout, and on stderr what happens to the source.

    On a terminal a line below tells what is going on.
    """

    def __init__(self, start: StartRow, totals: CountTotals) -> None:
        self._start, self._totals = start, totals
        self._line = StatusLine()

    def started(self) -> None:
        """The model is loaded."""
        start = self._start
        self._line.show(f"{start.source}: {start.model.name} {start.model.version}, connecting")

    def connected(self, event: Connected) -> None:
        """Print that the source is back."""
        if event.seconds > 0:
            tries = f"{event.tries} tries" if event.tries > 1 else "1 try"
            self._note(f"{clock(event.seconds)}  {self._start.source} is back after {tries}")
        self._line.show(f"{clock(event.seconds)}  connected")

    def lost(self, event: Lost) -> None:
        """Print why the source broke off."""
        self._note(f"{clock(event.seconds)}  lost: {event.reason}; trying again until it is back")
        self._line.show(f"{clock(event.seconds)}  trying again")

    def segment(self, segment: Segment) -> None:
        """Print a segment."""
        self._line.clear()
        begin, end = clock(segment.start), clock(segment.end)
        sys.stdout.write(f"{begin:>9} {end:>9}  {segment.probability:6.1%}  {segment.label or NOTHING_NAMED}\n")
        sys.stdout.flush()

    def now(self, segment: Segment | None) -> None:
        """Show the segment that goes on."""
        if segment is not None:
            what = f"{segment.label or NOTHING_NAMED} {segment.probability:.0%}"
            self._line.show(f"{clock(segment.start):>9} {clock(segment.end):>9}  {what} ...")

    def away(self, reason: str | None) -> None:
        """Print that the model's server is away or back."""
        self._note(f"windows are dropped: {reason}" if reason else "the service answers again")

    def status(self) -> None:
        """Do nothing: what goes on is shown all the time."""

    def ended(self) -> None:
        """Print the counts."""
        totals = self._totals()
        back = f"; reconnected {totals.reconnects} times" if totals.reconnects else ""
        self._note(
            f"{clock(totals.seconds)} seen: {totals.frames:,} frames, {totals.dropped_frames:,} dropped; "
            f"{totals.windows:,} windows, {totals.dropped_windows:,} dropped{back}"
        )

    def _note(self, message: str) -> None:
        self._line.clear()
        console.print_note(message)


class JsonReport:
    """Prints everything that happens as a line of JSON on stdout; what a person must know also goes to stderr."""

    def __init__(self, start: StartRow, totals: CountTotals, model: LoadedModel) -> None:
        self._start, self._totals, self._model = start, totals, model

    def started(self) -> None:
        """Print the first row."""
        self._print(self._start)

    def connected(self, event: Connected) -> None:
        """Print that frames come."""
        self._print(ConnectedRow(seconds=_rounded(event.seconds), at=datetime.now(UTC), tries=event.tries))

    def lost(self, event: Lost) -> None:
        """Print why the source broke off."""
        console.print_note(f"lost: {event.reason}; trying again until it is back")
        self._print(LostRow(seconds=_rounded(event.seconds), reason=event.reason))

    def segment(self, segment: Segment) -> None:
        """Print a segment."""
        self._print(SegmentRow(**segment_of_clip(segment, self._model).model_dump()))

    def now(self, segment: Segment | None) -> None:
        """Do nothing: rows are of what is certain."""

    def away(self, reason: str | None) -> None:
        """Print that the model's server is away or back."""
        console.print_note(f"windows are dropped: {reason}" if reason else "the service answers again")

    def status(self) -> None:
        """Print the counts."""
        self._print(StatusRow(**self._totals().model_dump()))

    def ended(self) -> None:
        """Print the counts as the last row."""
        self._print(EndRow(**self._totals().model_dump()))

    def _print(self, row: Row) -> None:
        sys.stdout.write(f"{row.model_dump_json(exclude_none=True)}\n")
        sys.stdout.flush()


def _rounded(seconds: float) -> float:
    return round(seconds, 6)
