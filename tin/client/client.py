"""Client of a running service."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

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


class Client:
    """A client of a running service. It may be used by several threads.

        with tin.Client("http://localhost:8000") as client:
            print(client.predict("clip.mp4"))

    Args:
        url: The service's address, with the path under which a proxy has it.
        key: An API key, where the service asks for one.
        timeout: Longest wait for the service to take or to send something, in seconds.
        retry_seconds: A busy service is asked again after its `Retry-After`, and one that takes no connection after a
            moment, as long as the next try begins within this time; 0 for a single try.

    Raises ValueError for a `url` that is no http address.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 60.0, retry_seconds: float = 30.0) -> None:
        self._url = url
        self._retry_seconds = retry_seconds
        self._http = httpx.Client(**connection(url, key, timeout))

    def predict(
        self,
        video: Video,
        top_k: TopK | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> Prediction:
        """Name the most probable actions of a clip, or of a part of it.

            client.predict("clip.mp4", top_k=3).predictions[0].label

        Args:
            video: Path, or bytes of a file.
            top_k: Number of actions, 5 by default, or "all"; more than there are classes gives all.
            start: Only frames that begin from then on are seen, in seconds from the first frame.
            end: Only frames that begin before are seen; all when not given.
            model: A model's name; the service's default model when not given.
            version: A version of the model; the one that its policy chooses when not given.

        Raises ClientError, and OSError for a path that cannot be read.
        """
        asked = query(top_k=top_k, model=model, version=version) | part(start, end)
        with answering(self._url):
            response = self._post("/predict", video, asked)
            return prediction_of(response.read())

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
    ) -> TimelineStream:
        """Name the actions along a long video, in sliding windows, each as soon as it is known.

            for window in client.timeline("long.mp4"):
                print(window.start_seconds, window.predictions[0].label)

        Args:
            video: Path, or bytes of a file.
            window_seconds: Length of a window; by default the model's own, or 2.
            step_seconds: From one window to the next; by default the model's own, or half a window.
            top_k: Number of actions of each window, 5 by default, or "all".
            min_probability: Least top-1 probability of a window that names its action; by default the model's own.
            start: As for `predict`; windows begin there.
            end: As for `predict`; windows end there.
            model: As for `predict`.
            version: As for `predict`.

        The video is sent when the first window is asked for.
        """
        asked = query(
            window_seconds=window_seconds, step_seconds=step_seconds, top_k=top_k, min_probability=min_probability
        )
        return TimelineStream(self._chunks(video, asked | query(model=model, version=version) | part(start, end)))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _post(self, path: str, video: Video, params: dict[str, Any]) -> httpx.Response:
        content, retries = content_of(video), Retries(self._retry_seconds)
        while True:
            try:
                request = self._http.build_request("POST", path, params=params, content=content)
                return _accepted(self._http.send(request, stream=True))
            except (ServiceProblem, httpx.TransportError) as failure:
                time.sleep(retries.seconds_after(failure))

    def _chunks(self, video: Video, params: dict[str, Any]) -> Generator[bytes]:
        with answering(self._url), closing(self._post("/timeline", video, params)) as response:
            yield from response.iter_bytes()


class TimelineStream:
    """The windows of a video in order of time, as they come: iterate once, or `read` all.

    Leaving the loop early ends the request. Every method raises ClientError, and OSError for a path that cannot be
    read: ServiceProblem also where the service fails on the way, NoAnswer where the stream breaks off.
    """

    def __init__(self, chunks: Generator[bytes]) -> None:
        self._chunks = chunks
        self._rows = TimelineRows()

    def head(self) -> TimelineHead:
        """Wait for the model that answers, the video, and the number of windows to come."""
        while self._rows.head is None:
            if not self._feed():
                self._rows.timeline()
        return self._rows.head

    def __iter__(self) -> Iterator[TimelineWindow]:
        try:
            yield from self._rows.take()
            while self._feed():
                yield from self._rows.take()
            self._rows.timeline()
        finally:
            self.close()

    def read(self) -> Timeline:
        """Wait for what has not come yet; return all windows, and the segments that they form."""
        while self._feed():
            pass
        return self._rows.timeline()

    def close(self) -> None:
        """End the request; the service then stops its work on the video."""
        self._chunks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _feed(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is not None:
            self._rows.feed(chunk)
        return chunk is not None


def _accepted(response: httpx.Response) -> httpx.Response:
    if response.status_code == httpx.codes.OK:
        return response
    response.read()
    raise problem_in(response)
