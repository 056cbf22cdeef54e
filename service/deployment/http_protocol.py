"""HTTP/1.1 connections: uvicorn's, with problems for malformed requests and a time limit for request heads."""

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
    """Closes when a head is not complete `head_seconds` after the connection, or after a later request's first byte.

    After a request was answered early, the rest of its body is read and dropped for as long.
    """

    def __init__(self, *args: Any, head_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_seconds = head_seconds
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit of the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Start or stop the time limit as heads begin and end."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._wait_for_head()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP/1.1; uvicorn calls this, also for the body of a request in work."""
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
