"""Rows that are slow, that fail, and that nobody reads."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import BaseModel

from clips.decoding.errors import Undecodable
from service.api.http.ndjson_response import RowsResponse
from service.limits.deadline import DeadlineExceeded

LIMIT = 0.1


class Number(BaseModel):
    number: int


class Client:
    """Notes what it is sent; after `patience` messages it takes no more, and perhaps leaves.

    `at_the_end` is what was freed when the last message came, after which a client may send its next request.
    """

    def __init__(self, patience=100, *, leaves=False):
        self.messages = []
        self.freed = []
        self.at_the_end = None
        self._patience = patience
        self._leaves = leaves
        self._left = asyncio.Event()

    async def receive(self):
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if len(self.messages) < self._patience:
            self.messages.append(message)
            if message.get("more_body") is False:
                self.at_the_end = list(self.freed)
            return
        if self._leaves:
            self._left.set()
        await asyncio.Event().wait()

    @property
    def rows(self):
        return [json.loads(message["body"]) for message in self.messages if message.get("body")]


class Request:
    """The source of the rows; `freed` records what is released."""

    def __init__(self):
        self.freed = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "path": "/timeline",
            "headers": [],
            "state": {"request_id": "abc"},
        }

    async def numbers(self, count=3, then=None):
        try:
            for number in range(count):
                yield Number(number=number)
            if then is not None:
                await then()
        finally:
            self.freed.append("rows")

    def answer(self, rows, client):
        """Returns how it is noted to have ended."""
        client.freed = self.freed
        slots = AsyncExitStack()
        slots.callback(self.freed.append, "slots")
        response = RowsResponse(rows, slots, LIMIT)
        asyncio.run(asyncio.wait_for(response(self.scope, client.receive, client.send), 5))
        return self.scope["state"].get("outcome")


async def fail():
    raise Undecodable("the video is damaged")


async def hang():
    await asyncio.Event().wait()


def test_rows_are_sent_one_by_one_and_everything_is_freed():
    client, request = Client(), Request()
    assert request.answer(request.numbers(), client) is None
    start, *bodies = client.messages
    assert dict(start["headers"])[b"content-type"] == b"application/x-ndjson"
    assert b"content-length" not in dict(start["headers"])
    assert [message["body"] for message in bodies] == [b'{"number":0}\n', b'{"number":1}\n', b'{"number":2}\n', b""]
    assert [message["more_body"] for message in bodies] == [True, True, True, False]
    assert client.at_the_end == request.freed == ["rows", "slots"]


@pytest.mark.parametrize(("then", "slug", "status"), [(fail, "undecodable", 422), (hang, "deadline-exceeded", 504)])
def test_what_fails_after_the_first_row_is_the_last_one(then, slug, status):
    client, request = Client(), Request()
    assert request.answer(request.numbers(then=then), client) == slug
    assert [row.get("number") for row in client.rows] == [0, 1, 2, None]
    last = client.rows[-1]
    assert (last["kind"], last["type"], last["status"]) == ("problem", f"/problems/{slug}", status)
    assert (last["instance"], last["request_id"]) == ("/timeline", "abc")
    assert client.messages[-1]["more_body"] is False
    assert client.at_the_end == request.freed == ["rows", "slots"]


@pytest.mark.parametrize(("then", "error"), [(fail, Undecodable), (hang, DeadlineExceeded)])
def test_what_fails_before_the_first_row_is_raised(then, error):
    client, request = Client(), Request()
    with pytest.raises(error):
        request.answer(request.numbers(0, then), client)
    assert client.messages == []
    assert request.freed == ["rows", "slots"]


@pytest.mark.parametrize("leaves", [True, False])
@pytest.mark.parametrize("count", [2, 100])
def test_a_client_that_leaves_or_reads_no_more_frees_everything(leaves, count):
    client, request = Client(patience=3, leaves=leaves), Request()
    assert request.answer(request.numbers(count), client) == "abandoned"
    assert len(client.rows) == 2
    assert client.at_the_end is None
    assert request.freed == ["rows", "slots"]
