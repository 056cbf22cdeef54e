"""Decoding thread of a live source: connects, decodes, makes windows, and connects again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from clips.clip_spec import ClipSpec
from clips.model_input import WindowInput
from clips.windows import Windowing
from service.live.mailbox import Connected, Failed, Lost, Mailbox, Over
from service.live.sliding_windows import SlidingWindows
from service.live.source.address import Source
from service.live.source.backoff import Backoff
from service.live.source.connection import Connection, FrameCounts, connect
from service.live.source.errors import SourceLost


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of the frames: the model's parameters, the windows, and the most pixels of a frame."""

    spec: ClipSpec
    windowing: Windowing
    max_pixels: int


class DecodingThread(threading.Thread):
    """Puts the windows of a source into a mailbox, between the events of its connections.

    All times are in seconds from the first frame. A source that breaks off is opened again, with growing waits, and
    time goes on meanwhile; one that cannot be opened at first, and any other error, ends the thread with `Failed`.

    Args:
        source: The source.
        preprocessing: Preprocessing of its frames.
        mailbox: Takes the events.
        stop: Ends the thread when it is set, though not before a packet that it waits for.
    """

    def __init__(self, source: Source, preprocessing: Preprocessing, mailbox: Mailbox, stop: threading.Event) -> None:
        # a thread that waits for a packet does not keep the process from ending
        super().__init__(name="live-decoding", daemon=True)
        self._source, self._preprocessing, self._mailbox, self._stop_event = source, preprocessing, mailbox, stop
        self._backoff = Backoff()
        self._began_at: float | None = None
        self._ended = 0.0
        self._tries = 0
        self.counts = FrameCounts()

    def run(self) -> None:
        """Decode until the video ends, or until it is to stop."""
        try:
            self._connect_until_over()
        except Exception as error:  # the thread that infers raises it
            self._mailbox.put(Failed(error))

    def _connect_until_over(self) -> None:
        while not self._stop_event.is_set():
            self._tries += 1
            try:
                with connect(self._source, self._preprocessing.max_pixels, self._stop_event) as connection:
                    self._follow(connection)
                    if connection.ends:
                        self._mailbox.put(Over(self._ended))
                        return
                raise SourceLost(f"{self._source.name} has ended")
            except SourceLost as error:
                if not self._stop_event.is_set():
                    self._lost(error)
            self._stop_event.wait(self._backoff.next_wait())

    def _follow(self, connection: Connection) -> None:
        """Make windows of the frames of one connection, to its end; raises SourceLost where there is no frame."""
        windows = SlidingWindows(self._preprocessing.spec, self._preprocessing.windowing)
        start: float | None = None
        try:
            for seconds, image in connection.frames(self.counts):
                if start is None:
                    start = self._connected()
                self._deliver(windows.add(seconds, image), start)
        finally:
            if start is not None:
                self._deliver(windows.finish(connection.frame_seconds), start)
                self._ended = start + windows.duration(connection.frame_seconds)
                self._backoff.connected_for(self._ended - start)
        if start is None and not self._stop_event.is_set():
            raise SourceLost(f"{self._source.name} gives no frame")

    def _connected(self) -> float:
        """Return the time of a connection's first frame."""
        now = time.monotonic()
        if self._began_at is None:
            self._began_at = now
        start = max(now - self._began_at, self._ended)
        self._mailbox.put(Connected(start, self._tries))
        self._tries = 0
        return start

    def _lost(self, error: SourceLost) -> None:
        if self._began_at is None or not self._source.is_reopened:
            raise error
        if self._tries == 0:
            self._mailbox.put(Lost(self._ended, str(error)))

    def _deliver(self, windows: Iterable[WindowInput], start: float) -> None:
        for window in windows:
            if self._stop_event.is_set():
                return
            begin, end = start + window.start_seconds, start + window.end_seconds
            self._mailbox.put(replace(window, start_seconds=begin, end_seconds=end))
