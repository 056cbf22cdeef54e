"""A client's connection: uvicorn's, but what is no HTTP is told as other failures are, and a head must come in time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.api.http.problems import MEDIA_TYPE, PROBLEMS, ProblemType
from service.api.http.upload import SlowUpload
from service.api.middleware.response_headers import HEADERS
from service.api.schemas.predict import Problem

HEAD_TOO_SLOW = "the head of the request did not come in time"


class Connection(H11Protocol):
    """Closes when no whole head comes within `head_seconds` of its start, or of the first byte of a later request.

    As long is what a client goes on sending taken, and thrown away, after its request was answered.
    """

    def __init__(self, *args: Any, head_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_seconds = head_seconds
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head from now on."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, or stop waiting, for a head."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._wait_for_head()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP/1.1; uvicorn calls this, also for the body of a request that is in work."""
        self._refuse(PROBLEMS[400], f"{msg} The connection is closed.")

    def _wait_for_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self._head_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        has_begun = bool(self.conn.trailing_data[0])
        if has_begun:
            self._refuse(PROBLEMS[SlowUpload], f"{HEAD_TOO_SLOW}: {self._head_seconds:g} s")
        self.transport.close()

    def _refuse(self, kind: ProblemType, detail: str) -> None:
        """Answer, unless an answer is under way already, and close."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._answer(kind, detail)
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.close()

    def _answer(self, kind: ProblemType, detail: str) -> None:
        problem = Problem(type=f"/problems/{kind.slug}", title=kind.title, status=kind.status, detail=detail)
        body = problem.model_dump_json(exclude_none=True).encode()
        headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close"} | HEADERS
        response = h11.Response(status_code=kind.status, headers=list(headers.items()))
        with suppress(h11.LocalProtocolError):  # a HEAD request takes no body
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
