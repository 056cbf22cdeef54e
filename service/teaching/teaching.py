"""Teaching: the takes, and one training at a time."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from anyio import to_thread

from service.store.model_store import ModelStore
from service.teaching.errors import TeachingConflict, TrainingUnavailable
from service.teaching.job import Job, JobStatus
from service.teaching.jobs import STOPPED, Jobs
from service.teaching.names import model_name
from service.teaching.process import TrainingProcess
from service.teaching.requirements import why_not_trainable
from service.teaching.takes import Takes

MIN_ACTIONS = 2
MIN_TAKES = 3
"""Of each action: some are trained on, and at least one is validated with."""

SECONDS_AT_SHUTDOWN = 5.0

logger = logging.getLogger("service")


class Teaching:
    """One per application, used within its event loop.

    Args:
        root: The operator's folder.
        max_bytes: Most bytes of everything in it.
        store: The model store, to which a training publishes.
        minutes: Longest time of a training.
        count: Called with the status of each job that has ended.
    """

    def __init__(
        self, root: Path, *, max_bytes: int, store: Path, minutes: float, count: Callable[[str], None]
    ) -> None:
        self.takes = Takes(root, max_bytes)
        self.jobs = Jobs(root)
        self.lock = asyncio.Lock()
        """Held by whoever changes the takes."""
        self._store = store
        self._minutes = minutes
        self._count = count
        self._changed = asyncio.Event()
        self._process: TrainingProcess | None = None
        self._following: asyncio.Task[None] | None = None
        self.job = self.jobs.last()

    def why_not_trainable(self) -> str | None:
        """Return the reason why nothing can be trained here; None where it can."""
        return why_not_trainable(self._store)

    def base(self, default: str, names: Sequence[str]) -> str:
        """Return the model to start from: the default one, or another of `names` where that one was taught here."""
        taught = self.jobs.models()
        return next((name for name in (default, *names) if name not in taught), default)

    async def start(self, name: str, base: str) -> Job:
        """Start a training on the takes as they are now.

        Args:
            name: Of the model; its next version will be published.
            base: Name of the model that it starts from.

        Raises BadName, TrainingUnavailable, TeachingConflict and FolderFull.
        """
        name = model_name(name)
        async with self.lock:
            await to_thread.run_sync(self._check, name)
            await to_thread.run_sync(self._prepare)
            job = Job(id=secrets.token_urlsafe(18), name=name, started_at=time.time())
            self._process = await TrainingProcess.start(self._command(name, base), self.jobs.log)
            self._set(job)
        logger.info("a training of model %s has begun", name)
        await to_thread.run_sync(self.jobs.keep, job)
        self._following = asyncio.create_task(self._follow(self._process))
        return job

    async def cancel(self) -> Job:
        """End the training, which publishes nothing any more; raises TeachingConflict where none runs."""
        if self.job is None or self.job.has_ended or self._process is None:
            raise TeachingConflict("no training runs; there is nothing to cancel")
        self._set(self.job.model_copy(update={"status": JobStatus.CANCELLING}))
        await self._process.stop()
        await self._settled()
        return self.job

    async def changed(self, seconds: float) -> None:
        """Wait until the job changes, or so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def close(self) -> None:
        """End a training that runs, as failed."""
        if self._process is not None and self.job is not None and not self.job.has_ended:
            self._set(self.job.model_copy(update={"error": STOPPED}))
            await self._process.stop(SECONDS_AT_SHUTDOWN)
        await self._settled()

    async def _settled(self) -> None:
        if self._following is not None:
            await asyncio.wait({self._following})

    def _check(self, name: str) -> None:
        if reason := self.why_not_trainable():
            raise TrainingUnavailable(reason)
        if self.job is not None and not self.job.has_ended:
            raise TeachingConflict(f"a training of {self.job.name!r} runs; wait for its end, or cancel it")
        if name in ModelStore(self._store).versions() and name not in self.jobs.models():
            raise TeachingConflict(f"the store has a model {name!r} that was not taught here; choose another name")
        actions = self.takes.actions()
        if len(actions) < MIN_ACTIONS:
            raise TeachingConflict(f"there are {len(actions)} actions; a model needs {MIN_ACTIONS} to tell apart")
        for action in actions:
            if len(action.takes) < MIN_TAKES:
                raise TeachingConflict(
                    f"the action {action.name!r} has {len(action.takes)} takes and needs {MIN_TAKES}; record more, "
                    "or delete it"
                )

    def _prepare(self) -> None:
        self.jobs.clear()
        self.takes.snapshot(self.jobs.clips)

    def _command(self, name: str, base: str) -> list[str]:
        options = {
            "name": name,
            "from": base,
            "store": self._store.absolute(),
            "work-dir": self.jobs.work.absolute(),
            "minutes": f"{self._minutes:g}",
        }
        given = [f"--{option}={value}" for option, value in options.items()]
        return [sys.executable, "-m", "tin", "finetune", str(self.jobs.clips.absolute()), *given, "--json"]

    async def _follow(self, process: TrainingProcess) -> None:
        async for event in process.events():
            self._set(self._running.after(event))
        exit_code = await process.end()
        job = self._running.ended(exit_code, time.time(), process.last_words())
        await to_thread.run_sync(self._finish, job)
        self._set(job)
        self._count(job.status)
        logger.info("the training of model %s is %s%s", job.name, job.status, f": {job.error}" if job.error else "")

    def _finish(self, job: Job) -> None:
        if job.published:
            self.jobs.add_model(job.published.model)
        self.jobs.tidy(job.published.report if job.published else None)
        self.jobs.keep(job)

    @property
    def _running(self) -> Job:
        assert self.job is not None
        return self.job

    def _set(self, job: Job) -> None:
        self.job = job
        self._changed.set()
        self._changed = asyncio.Event()
