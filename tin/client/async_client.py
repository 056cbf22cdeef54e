"""Asynchronous client of a running service, for asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio
import anyio.to_thread
import httpx

from tin.client.answers import prediction_of, problem_in
from tin.client.errors import ServiceProblem
from tin.client.exchange import answering, connection, content_of, part, query
from tin.client.retries import Retries
from tin.client.timeline_rows import TimelineHead, TimelineRows
from tin.results import Prediction, Timeline, TimelineWindow

if TYPE_CHECKING:
    from service.inference.prediction import TopK
    from tin.model import Video


class AsyncClient:
    """`Client` for asynchronous programs, with the same arguments, results and errors.

    async with tin.AsyncClient("http://localhost:8000") as client:
        print(await client.predict("clip.mp4"))
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 60.0, retry_seconds: float = 30.0) -> None:
        self._url = url
        self._retry_seconds = retry_seconds
        self._http = httpx.AsyncClient(**connection(url, key, timeout))

    async def predict(
        self,
        video: Video,
        top_k: TopK | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> Prediction:
        """Name the most probable actions of a clip; arguments and errors are those of `Client.predict`."""
        asked = query(top_k=top_k, model=model, version=version) | part(start, end)
        with answering(self._url):
            response = await self._post("/predict", video, asked)
            return prediction_of(await response.aread())

    def timeline(
        self,
        video: Video,
        window_seconds: float | None = None,
        step_seconds: float | None = None,
        top_k: TopK | None = None,
        *,
        min_probability: float | None = None,
        start: float | None = None,
        end: float | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> AsyncTimelineStream:
        """Name the actions along a long video; arguments and errors are those of `Client.timeline`.

        async for window in client.timeline("long.mp4"):
            print(window.start_seconds, window.predictions[0].label)
        """
        asked = query(
            window_seconds=window_seconds, step_seconds=step_seconds, top_k=top_k, min_probability=min_probability
        )
        return AsyncTimelineStream(self._chunks(video, asked | query(model=model, version=version) | part(start, end)))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _post(self, path: str, video: Video, params: dict[str, Any]) -> httpx.Response:
        content, retries = await anyio.to_thread.run_sync(content_of, video), Retries(self._retry_seconds)
        while True:
            try:
                request = self._http.build_request("POST", path, params=params, content=content)
                return await _accepted(await self._http.send(request, stream=True))
            except (ServiceProblem, httpx.TransportError) as failure:
                await anyio.sleep(retries.seconds_after(failure))

    async def _chunks(self, video: Video, params: dict[str, Any]) -> AsyncGenerator[bytes]:
        with answering(self._url):
            async with aclosing(await self._post("/timeline", video, params)) as response:
                async for chunk in response.aiter_bytes():
                    yield chunk


class AsyncTimelineStream:
    """The windows of a video in order of time, as they come: iterate once, or `read` all.

    Leave the loop early only within `async with`, which ends the request. The errors are those of `TimelineStream`.
    """

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        self._chunks = chunks
        self._rows = TimelineRows()

    async def head(self) -> TimelineHead:
        """Wait for the model that answers, the video, and the number of windows to come."""
        while self._rows.head is None:
            if not await self._feed():
                self._rows.timeline()
        return self._rows.head

    async def __aiter__(self) -> AsyncIterator[TimelineWindow]:
        for window in self._rows.take():
            yield window
        while await self._feed():
            for window in self._rows.take():
                yield window
        self._rows.timeline()

    async def read(self) -> Timeline:
        """Wait for what has not come yet; return all windows, and the segments that they form."""
        while await self._feed():
            pass
        return self._rows.timeline()

    async def close(self) -> None:
        """End the request; the service then stops its work on the video."""
        await self._chunks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _feed(self) -> bool:
        chunk = await anext(self._chunks, None)
        if chunk is not None:
            self._rows.feed(chunk)
        return chunk is not None


async def _accepted(response: httpx.Response) -> httpx.Response:
    if response.status_code == httpx.codes.OK:
        return response
    await response.aread()
    raise problem_in(response)
