"""Teaching, with a scripted stand-in for `tin finetune`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from service.store.model_store import ModelStore
from service.teaching.errors import BadName, TeachingConflict, TrainingUnavailable
from service.teaching.job import JobStatus
from service.teaching.jobs import STOPPED
from service.teaching.teaching import MIN_TAKES, Teaching
from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.teaching import MODEL, scripted_folder

Test = Callable[[Teaching], Awaitable[None]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the stand-in."""
    monkeypatch.chdir(scripted_folder(tmp_path / "here"))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return tmp_path / "here"


@pytest.fixture
def ended() -> Counter[str]:
    """Number of jobs by their end."""
    return Counter()


@pytest.fixture
def teach(folder: Path, ended: Counter[str]) -> Callable[..., None]:
    """Runs a test in an event loop; there are two actions with `num_takes` takes each."""

    def make() -> Teaching:
        def count(status: str) -> None:
            ended[status] += 1

        (folder / "taught").mkdir(exist_ok=True)
        return Teaching(folder / "taught", max_bytes=10**6, store=folder / "store", minutes=3, count=count)

    def run(test: Test, num_takes: int = MIN_TAKES) -> None:
        async def main() -> None:
            teaching = make()
            for name in ("wave", "\u624b clap"):
                teaching.takes.add_action(name)
                for number in range(num_takes):
                    teaching.takes.add_take(name, f"{name} {number}".encode(), "mov,mp4", b"jpeg")
            await test(teaching)
            await teaching.close()

        asyncio.run(main())

    return run


async def job_when(teaching: Teaching, condition: Callable[[Any], object]) -> Any:
    async with asyncio.timeout(20):
        while not condition(teaching.job):
            await teaching.changed(1.0)
    return teaching.job


def test_a_training_is_followed_to_its_model(teach: Any, folder: Path, ended: Counter[str]) -> None:
    async def test(teaching: Teaching) -> None:
        job = await teaching.start(MODEL, base="colours")
        assert job.status == JobStatus.RUNNING
        job = await job_when(teaching, lambda job: job.validations)
        assert job.classes == {"wave": MIN_TAKES, "\u624b clap": MIN_TAKES}
        assert job.plan.minutes == 3
        (folder / "finish").touch()
        job = await job_when(teaching, lambda job: job.has_ended)
        assert (job.status, job.published.accuracy) == (JobStatus.DONE, 0.875)
        assert ModelStore(folder / "store").open(MODEL).manifest.version == "1"
        assert "The report" in teaching.jobs.report.read_text()
        assert sorted(path.name for path in teaching.jobs.folder.iterdir()) == ["log.txt", "report.html"]
        assert teaching.jobs.models() == [MODEL]
        assert ended == {"done": 1}

    teach(test)


def test_one_at_a_time_and_cancelled_without_a_trace(teach: Any, folder: Path, ended: Counter[str]) -> None:
    async def test(teaching: Teaching) -> None:
        await teaching.start(MODEL, base="colours")
        with pytest.raises(TeachingConflict, match="runs"):
            await teaching.start("other", base="colours")
        await job_when(teaching, lambda job: job.progress)
        assert (await teaching.cancel()).status == JobStatus.CANCELLED
        with pytest.raises(TeachingConflict):
            await teaching.cancel()
        assert list(ModelStore(folder / "store").versions()) == ["colours"]
        assert [path.name for path in teaching.jobs.folder.iterdir()] == ["log.txt"]
        assert ended == {"cancelled": 1}
        await teaching.start(MODEL, base="colours")

    teach(test)


def test_takes_may_go_while_a_training_runs(teach: Any) -> None:
    async def test(teaching: Teaching) -> None:
        await teaching.start(MODEL, base="colours")
        teaching.takes.remove_action("wave")
        assert (teaching.jobs.clips / "wave").is_dir()

    teach(test)


@pytest.mark.parametrize(("file", "error"), [("fail", "cannot be told apart"), ("crash", "out of memory")])
def test_a_failure_is_told(teach: Any, folder: Path, file: str, error: str) -> None:
    async def test(teaching: Teaching) -> None:
        (folder / file).touch()
        await teaching.start(MODEL, base="colours")
        job = await job_when(teaching, lambda job: job.has_ended)
        assert job.status == JobStatus.FAILED
        assert error in job.error
        assert Teaching(folder / "taught", max_bytes=1, store=folder, minutes=1, count=print).job == job

    teach(test)


def test_a_service_that_stops_ends_its_training(teach: Any, folder: Path, ended: Counter[str]) -> None:
    async def test(teaching: Teaching) -> None:
        await teaching.start(MODEL, base="colours")
        await teaching.close()
        assert teaching.job is not None
        assert teaching.job.status == JobStatus.FAILED
        assert teaching.job.error == STOPPED

    teach(test)
    assert ended == {"failed": 1}


@pytest.mark.parametrize("num_takes", [0, MIN_TAKES - 1])
def test_too_few_takes_are_refused(teach: Any, num_takes: int) -> None:
    async def test(teaching: Teaching) -> None:
        with pytest.raises(TeachingConflict, match="takes"):
            await teaching.start(MODEL, base="colours")
        teaching.takes.remove_action("wave")
        with pytest.raises(TeachingConflict, match="actions"):
            await teaching.start(MODEL, base="colours")
        assert teaching.job is None

    teach(test, num_takes)


def test_a_model_of_others_is_not_replaced(teach: Any) -> None:
    async def test(teaching: Teaching) -> None:
        with pytest.raises(TeachingConflict, match="not taught here"):
            await teaching.start("colours", base="colours")
        teaching.jobs.add_model("colours")
        await teaching.start("colours", base="colours")

    teach(test)


def test_bad_names_and_installations_are_refused(teach: Any, folder: Path) -> None:
    async def test(teaching: Teaching) -> None:
        with pytest.raises(BadName):
            await teaching.start("../colours", base="colours")
        (folder / "store").rename(folder / "elsewhere")
        with pytest.raises(TrainingUnavailable):
            await teaching.start(MODEL, base="colours")

    teach(test)


def test_a_training_does_not_start_from_what_was_taught(teach: Any) -> None:
    async def test(teaching: Teaching) -> None:
        assert teaching.base("colours", ["arms", "colours"]) == "colours"
        teaching.jobs.add_model("arms")
        assert teaching.base("arms", ["arms", "colours"]) == "colours"
        assert teaching.base("arms", ["arms"]) == "arms"

    teach(test)
