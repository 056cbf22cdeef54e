"""An answer that is sent row by row while the work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.http.problems import report
from service.api.schemas.timeline import ProblemRow
from service.limits.deadline import in_time, while_connected


class RowsResponse(Response):
    """Rows as NDJSON, each sent as soon as it is there.

    What fails before the first row is raised, and what fails later is told in a last row. The next row, and a client to
    take it, are each waited for `seconds_per_row`. When the client leaves, the work is cancelled. The `places` that the
    request holds are freed before the end is sent: who has read it may send the next video at once.
    """

    media_type = "application/x-ndjson"

    def __init__(self, rows: AsyncGenerator[BaseModel, None], places: ExitStack, seconds_per_row: float) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"X-Accel-Buffering": "no"})  # a proxy is not to gather the rows
        self._rows = rows
        self._places = places
        self._seconds_per_row = seconds_per_row

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it."""
        request = Request(scope)
        try:
            with self._places:
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
