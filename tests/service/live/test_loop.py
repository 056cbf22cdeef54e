"""Loop: windows become segments; gaps, a busy model and errors."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from clips.model_input import WindowInput
from service.backends.base import Clips, Outputs, RuntimeDown
from service.inference.segmentation import Segment
from service.live.loop import Loop
from service.live.mailbox import Connected, Event, Failed, Lost, Mailbox, Over
from service.live.source.errors import SourceLost
from service.models.versions import LoadedModel
from tests.helpers.stores import LABELS, SPEC


class Scripted:
    """A backend that names class `clips[0, 0, 0, 0, 0]`, and is down for 255."""

    max_batch_size = 1

    def infer(self, clips: Clips) -> Outputs:
        index = int(clips.flat[0])
        if index == 255:
            raise RuntimeDown("the service is away", 1)
        return Outputs(np.eye(len(LABELS), dtype=np.float32)[[index]] * 10)

    def close(self) -> None:
        """Nothing to free."""


@dataclass
class Noted:
    """A report that is noted: what happened, in order."""

    events: list[tuple[str, object]] = field(default_factory=list)

    def connected(self, event: Connected) -> None:
        self.events.append(("connected", event.seconds))

    def lost(self, event: Lost) -> None:
        self.events.append(("lost", event.seconds))

    def segment(self, segment: Segment) -> None:
        self.events.append((str(segment.label), (segment.start, segment.end)))

    def now(self, segment: Segment | None) -> None:
        pass

    def away(self, reason: str | None) -> None:
        self.events.append(("away", reason))

    def status(self) -> None:
        pass


MODEL = LoadedModel("colours", "1", "", "model.onnx", "", LABELS, SPEC, Scripted())
RED, GREEN, AWAY = 0, 1, 255


def window(start: float, index: int) -> WindowInput:
    return WindowInput(start, start + 2, np.full((1, 1, 1, 1, 3), index, np.uint8))


def run(*events: Event) -> tuple[Loop, Noted]:
    mailbox, noted = Mailbox(most_windows=100), Noted()
    for event in events:
        mailbox.put(event)
    loop = Loop(mailbox, MODEL, 0.0, noted)
    loop.run(threading.Event())
    return loop, noted


def test_a_cut_closes_the_segment_and_time_goes_on() -> None:
    loop, noted = run(
        Connected(0.0, 1),
        window(0, RED),
        window(1, RED),
        Lost(3.0, "gone"),
        Connected(9.0, 4),
        window(9, RED),
        Over(11.0),
    )
    assert noted.events == [
        ("connected", 0.0),
        (LABELS[RED], (0, 3)),
        ("lost", 3.0),
        ("connected", 9.0),
        (LABELS[RED], (9, 11)),
    ]
    assert (loop.windows, loop.reconnects, loop.seconds) == (3, 1, 11)


def test_windows_that_are_missing_are_a_gap_when_nothing_overlaps() -> None:
    _, noted = run(window(0, RED), window(2, RED), window(5, RED), Over(7.0))
    assert noted.events == [(LABELS[RED], (0, 4)), (LABELS[RED], (5, 7))]


def test_a_service_that_is_away_costs_windows_and_says_so_once() -> None:
    loop, noted = run(
        *(window(start, index) for start, index in ((0, RED), (1, AWAY), (2, AWAY), (3, GREEN))), Over(5.0)
    )
    assert noted.events == [
        ("away", "the service is away"),
        ("away", None),
        (LABELS[RED], (0, 2)),
        (LABELS[GREEN], (3, 5)),
    ]
    assert (loop.windows, loop.failed_windows) == (2, 2)


def test_an_error_of_the_decoding_thread_comes_after_the_last_segment() -> None:
    mailbox, noted = Mailbox(), Noted()
    for event in (window(0, RED), Failed(SourceLost("gone"))):
        mailbox.put(event)
    with pytest.raises(SourceLost):
        Loop(mailbox, MODEL, 0.0, noted).run(threading.Event())
    assert noted.events == [(LABELS[RED], (0, 2))]


def test_it_stops_with_what_is_open() -> None:
    mailbox, noted, stop = Mailbox(), Noted(), threading.Event()
    mailbox.put(window(0, RED))
    timer = threading.Timer(0.5, stop.set)
    timer.start()
    Loop(mailbox, MODEL, 0.0, noted).run(stop)
    timer.join()
    assert noted.events == [(LABELS[RED], (0, 2))]
