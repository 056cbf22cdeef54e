"""Asynchronous client: the same answers, many at a time, and the same failures."""

from __future__ import annotations

import anyio
import pytest

import tin
from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.scripted_service import Answer, problem, scripted

EXAMPLE = REPOSITORY / "service" / "web" / "predict" / "example.mp4"
KEY = "sésame"

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_predict_gives_what_the_model_gives(model: tin.Model, url: str) -> None:
    found = []
    async with tin.AsyncClient(url, KEY) as client, anyio.create_task_group() as group:

        async def ask(top_k: int) -> None:
            found.append(await client.predict(EXAMPLE, top_k))

        for top_k in (1, 2, 3):
            group.start_soon(ask, top_k)
    found.sort(key=lambda prediction: len(prediction.predictions))
    expected = [model.predict(EXAMPLE, top_k) for top_k in (1, 2, 3)]
    for answered, computed in zip(found, expected, strict=True):
        assert [score.label for score in answered.predictions] == [score.label for score in computed.predictions]
        assert (answered.model, answered.likely) == (computed.model, computed.likely)


async def test_timeline_gives_what_the_model_gives(model: tin.Model, url: str) -> None:
    expected = model.timeline(EXAMPLE, 0.75, 0.5, top_k=3)
    async with tin.AsyncClient(url, KEY) as client:
        stream = client.timeline(EXAMPLE, 0.75, 0.5, top_k=3)
        assert (await stream.head()).num_windows == len(expected.windows)
        assert tuple([window async for window in stream]) == expected.windows
        assert await stream.read() == await client.timeline(EXAMPLE, 0.75, 0.5, top_k=3).read() == expected
        async with client.timeline(EXAMPLE, 0.5, 0.25) as left:
            async for _ in left:
                break
        with pytest.raises(tin.NoAnswer):
            await left.read()


async def test_a_part_is_that_of_the_model(model: tin.Model, url: str) -> None:
    async with tin.AsyncClient(url, KEY) as client:
        answered = await client.predict(EXAMPLE, start=0.5, end=1)
        timeline = await client.timeline(EXAMPLE, 0.5, start=0.4).read()
    assert answered.clip.indices == model.predict(EXAMPLE, start=0.5, end=1).clip.indices
    assert timeline == model.timeline(EXAMPLE, 0.5, start=0.4)


async def test_failures_are_those_of_the_other_client(url: str, not_videos: dict[str, bytes]) -> None:
    async with tin.AsyncClient(url, KEY) as client:
        with pytest.raises(tin.ServiceProblem, match="415 Not a video"):
            await client.predict(not_videos["text"])
        with pytest.raises(tin.ServiceProblem, match="step_seconds"):
            await client.timeline(EXAMPLE, 1.0, 2.0).head()
        with pytest.raises(FileNotFoundError):
            await client.predict("nowhere.mp4")
    async with tin.AsyncClient("http://127.0.0.1:9", retry_seconds=0) as client:
        with pytest.raises(tin.NoAnswer):
            await client.timeline(EXAMPLE).read()
    with pytest.raises(ValueError, match="url"):
        tin.AsyncClient("localhost:8000")


async def test_a_busy_service_is_asked_again() -> None:
    busy = problem(503, retry_after=0)
    with scripted(busy, busy, Answer(200, b"")) as script:
        async with tin.AsyncClient(script.url) as client:
            with pytest.raises(tin.NoAnswer, match="broke off"):
                await client.timeline(b"video").head()
        assert script.bodies == [b"video"] * 3
