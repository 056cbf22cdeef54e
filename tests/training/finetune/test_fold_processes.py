import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.training.steps import make_step
from training.errors import BadInput, Stopped
from training.finetune.fold_processes import FoldProcesses
from training.finetune.listeners.events import Note


class Recorded:
    """A callback that keeps the numbers of the steps and the messages."""

    def __init__(self):
        self.steps, self.messages = [], []

    def on_step(self, epoch, step):
        self.steps.append(step.number)

    def on_validation(self, epoch, metrics):
        raise AssertionError("no process tells of validations")

    def on_message(self, text):
        self.messages.append(text)


def take_steps(run, listener):
    with listener.follow("fold", run.steps, 0) as callback:
        for number in range(run.steps):
            callback.on_step(0, make_step(number, loss=1.0, accuracy=0.5))
    listener.tell(Note("done"))
    return run.steps, os.getpid()


def fail(run, listener):
    if run.steps == 2:
        raise BadInput("no clips")
    signal.pause()


def die(run, listener):
    os.kill(os.getpid(), signal.SIGKILL)


def write_and_wait(run, listener):
    Path(run.folder, str(os.getpid())).touch()
    listener.tell(Note("waiting"))
    signal.pause()


def processes(work, steps, *, count=2, folder=None):
    progress = Recorded()
    runs: Any = [SimpleNamespace(steps=each, folder=folder) for each in steps]
    return FoldProcesses(work, runs, count=count, progress=progress), progress


def test_each_fold_has_a_process_and_steps_are_counted_together():
    work, progress = processes(take_steps, [3, 1, 2])
    results = dict(work.results())
    assert {number: steps for number, (steps, _) in results.items()} == {0: 3, 1: 1, 2: 2}
    assert len({pid for _, pid in results.values()} - {os.getpid()}) == 3
    assert progress.steps == list(range(6))
    assert sorted(progress.messages) == ["fold 1: done", "fold 2: done", "fold 3: done"]


def test_the_first_failure_ends_the_others():
    work, _ = processes(fail, [1, 2])
    with pytest.raises(BadInput, match="no clips"):
        list(work.results())


def test_a_process_that_dies_is_named():
    work, _ = processes(die, [1])
    with pytest.raises(Stopped, match=r"fold 1\b.*-9"):
        list(work.results())


def test_an_interrupt_ends_the_processes(tmp_path):
    work, progress = processes(write_and_wait, [1, 1], folder=tmp_path)

    def interrupt(text):
        progress.messages.append(text)
        if len(progress.messages) == 2:
            raise KeyboardInterrupt

    progress.on_message = interrupt
    with pytest.raises(KeyboardInterrupt):
        list(work.results())
    pids = [int(path.name) for path in tmp_path.iterdir()]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
