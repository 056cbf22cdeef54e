"""Processes that train folds side by side, each with its share of the cores, and pass on their progress."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from training.engine.callbacks import Callback
from training.engine.loops import Step
from training.errors import BadInput, Stopped
from training.finetune.listeners.events import Event, Listener, Note
from training.finetune.run import Run

T = TypeVar("T")

Work = Callable[[Run, Listener], T]
"""What a process does with its run, telling the listener of its progress: a function of a module."""


@dataclass(frozen=True)
class _Stepped:
    epoch: int
    step: Step


@dataclass(frozen=True)
class _Said:
    text: str


@dataclass(frozen=True)
class _Returned(Generic[T]):
    value: T


@dataclass(frozen=True)
class _Failed:
    error: BadInput | Stopped | OSError


@dataclass(frozen=True)
class _Child:
    """The process of a fold, and the fold's number from 0 on."""

    fold: int
    process: SpawnProcess


class FoldProcesses(Generic[T]):
    """Runs at most `count` processes at a time, one for each fold.

        for fold, answers in FoldProcesses(train_and_score, runs, count=4, progress=bar).results(): ...

    Args:
        work: What each process does.
        runs: The run of each fold.
        count: Processes at a time.
        progress: Shown the steps of all processes, counted together, and their messages.
    """

    def __init__(self, work: Work[T], runs: Sequence[Run], *, count: int, progress: Callback) -> None:
        self._work = work
        self._runs = runs
        self._count = count
        self._progress = progress
        self._steps = 0
        self._children: dict[connection.Connection, _Child] = {}
        self._context = get_context("spawn")  # a process has one fork server, which service.decoding may have confined

    def results(self) -> Iterator[tuple[int, T]]:
        """Yield the number of each fold, from 0 on, and its result, in the order in which they end.

        Raises:
            BadInput, Stopped, OSError: The first failure of a fold; the other processes are ended.
        """
        waiting = list(range(len(self._runs)))[::-1]
        try:
            while waiting or self._children:
                while waiting and len(self._children) < self._count:
                    self._start(waiting.pop())
                for ready in connection.wait(list(self._children)):
                    assert isinstance(ready, connection.Connection)
                    yield from self._receive(ready)
        finally:
            self._end()

    def _start(self, fold: int) -> None:
        here, there = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_run, args=(self._work, self._runs[fold], there))
        process.start()
        there.close()
        self._children[here] = _Child(fold, process)

    def _receive(self, ready: connection.Connection) -> Iterator[tuple[int, T]]:
        """Handle a message of a process; yield its result if that is it."""
        child = self._children[ready]
        try:
            message: Any = ready.recv()
        except EOFError:
            child.process.join()
            raise Stopped(f"fold {child.fold + 1} was ended by exit code {child.process.exitcode}") from None
        match message:
            case _Stepped(epoch, step):
                self._progress.on_step(epoch, replace(step, number=self._steps))
                self._steps += 1
            case _Said(text):
                self._progress.on_message(f"fold {child.fold + 1}: {text}" if len(self._runs) > 1 else text)
            case _Failed(error):
                raise error
            case _Returned(value):
                child.process.join()
                del self._children[ready]
                yield child.fold, value

    def _end(self) -> None:
        for child in self._children.values():
            child.process.terminate()
        for child in self._children.values():
            child.process.join()
        self._children.clear()


class _PassedOn:
    """A listener, and a callback of the training, that passes on to the parent process what people should read."""

    def __init__(self, parent: connection.Connection) -> None:
        self._parent = parent

    def tell(self, event: Event) -> None:
        """Pass on a note."""
        if isinstance(event, Note):
            self._parent.send(_Said(event.text))

    @contextmanager
    def follow(self, name: str, total_steps: int, first_step: int) -> Iterator[Callback]:
        """Lend itself as the callback of a training run."""
        yield self

    def on_step(self, epoch: int, step: Step) -> None:
        """Pass on a step."""
        self._parent.send(_Stepped(epoch, step))

    def on_validation(self, epoch: int, metrics: Any) -> None:
        """Leave out a validation: the clips of a fold are measured at its end."""

    def on_message(self, text: str) -> None:
        """Pass on a message."""
        self._parent.send(_Said(text))


def _run(work: Work[Any], run: Run, parent: connection.Connection) -> None:
    """Do the work of a process, and send its result or its failure."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(BrokenPipeError):
        try:
            parent.send(_Returned(work(run, _PassedOn(parent))))
        except (BadInput, Stopped, OSError) as error:
            parent.send(_Failed(error))
