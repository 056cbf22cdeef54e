"""A streamed NDJSON response: rows are sent while the work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.http.problems import report
from service.api.schemas.timeline import ProblemRow
from service.limits.deadline import in_time, while_connected


class RowsResponse(Response):
    """Rows as NDJSON, each sent as soon as it is known.

    A failure before the first row is raised; a later one becomes the last row. When the client leaves, the work is
    cancelled. The slots are freed before the end is sent, so that a client which has read it may send its next video.

    Args:
        rows: Closed at the end, whatever happens.
        slots: The request's slots, freed at the end.
        seconds_per_row: The longest wait for the next row, and for a client to take it.
    """

    media_type = "application/x-ndjson"

    def __init__(self, rows: AsyncGenerator[BaseModel, None], slots: AsyncExitStack, seconds_per_row: float) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"X-Accel-Buffering": "no"})  # a proxy is not to gather the rows
        self._rows = rows
        self._slots = slots
        self._seconds_per_row = seconds_per_row

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all rows."""
        request = Request(scope)
        try:
            async with self._slots:
                await while_connected(self._send_rows(request, send), receive)
            await self._send_body(b"", send, more_body=False)
        except ClientDisconnect:
            request.state.outcome = "abandoned"

    async def _send_rows(self, request: Request, send: Send) -> None:
        async with aclosing(self._rows):
            row = await self._next_row()
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while row is not None:
                await self._send_body(row.model_dump_json(exclude_none=True).encode() + b"\n", send, more_body=True)
                row = await self._next_row_or_problem(request)

    async def _send_body(self, body: bytes, send: Send, *, more_body: bool) -> None:
        try:
            async with asyncio.timeout(self._seconds_per_row):
                await send({"type": "http.response.body", "body": body, "more_body": more_body})
        except TimeoutError as error:
            raise ClientDisconnect from error

    async def _next_row_or_problem(self, request: Request) -> BaseModel | None:
        try:
            return await self._next_row()
        except Exception as error:
            return ProblemRow(**report(request, error).model_dump())

    async def _next_row(self) -> BaseModel | None:
        return await in_time(anext(self._rows, None), self._seconds_per_row)
