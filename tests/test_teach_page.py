"""docs/teach.md: every command in it runs, in the page's order, on made clips."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import running_services
from tests.helpers.training.action_clips import make_action_clips

PAGE = REPOSITORY / "docs" / "teach.md"
ADDRESS = "localhost:8000"
QUICK = " --side 32 --epochs 1 --formats onnx"
"""Options that shorten each training; they change nothing else that a command does."""

NOT_RUN = ("pip install", "tin serve")
"""The installation is that of the tests, and their service runs on another port."""


def commands() -> list[str]:
    """The commands of the page's indented blocks, and what a block says that is none is left out."""
    lines = re.findall(r"^ {4}((?:tin|curl|python|sh|pip) .*)$", PAGE.read_text(), re.MULTILINE)
    return [line for line in lines if not line.startswith(NOT_RUN)]


def write_wrapper(path: Path, module: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
    path.chmod(0o755)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page asks for: clips of three gestures and three persons, a table, the store."""
    folder = tmp_path_factory.mktemp("desk")
    labels = {"left": "clap", "still": "nothing", "right": "wave"}
    made = make_action_clips(folder / "made", 6, labels=tuple(labels))
    rows = ["file,label,person"]
    for path in sorted(made.rglob("take*")):
        number, label = int(path.stem.split()[1]), labels[path.parent.name]
        target = folder / "gestures" / label / f"take-{number + 1}.mp4"
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        rows.append(f"{target.relative_to(folder)},{label},{('anna', 'bob', 'cy')[number % 3]}")
    (folder / "clips.csv").write_text("\n".join(rows))
    shutil.copytree(REPOSITORY / "model_store" / "tin-motion", folder / "model_store" / "tin-motion")
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    write_wrapper(folder / "bin" / "tin", "-m tin")
    write_wrapper(folder / "bin" / "python", "")
    return folder


@pytest.fixture(scope="module")
def address(desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that runs from before the model is taught."""
    with running_services(lambda: tmp_path_factory.mktemp("service")) as start:
        yield start(model_store=desk / "model_store", store_poll_seconds=0.2, onnx_threads=1).address


def run(command: str, desk: Path, address: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the page as a shell would."""
    line = command.replace(ADDRESS, address.removeprefix("http://"))
    line += QUICK if line.startswith("tin finetune") else ""
    line += f" {address}" if line.startswith("sh ") else ""
    environment = os.environ | {
        "PATH": f"{desk / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "TIN_MODEL_STORE": str(desk / "model_store"),
    }
    return subprocess.run(
        ["sh", "-c", line], cwd=desk, env=environment, capture_output=True, text=True, timeout=500, check=False
    )


def test_the_commands_of_the_page_run_in_its_order(desk: Path, address: str) -> None:
    found = commands()
    assert [line.split()[0] for line in found].count("tin") >= 8
    for command in found:
        done = run(command, desk, address)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if "predict" in command or "examples" in command:
            assert re.search(r"\b(clap|nothing|wave)\b", done.stdout), command
    assert sorted(path.name for path in (desk / "model_store" / "gestures").glob("[0-9]")) == ["2"]
    assert (desk / "work-dirs" / "gestures-1" / "report" / "report.html").exists()
    assert (desk / "work-dirs" / "gestures-folds" / "cross_validation.json").exists()


def test_the_examples_that_the_page_does_not_run(desk: Path, address: str) -> None:
    clip = desk / "gestures" / "wave" / "take-1.mp4"
    done = run(f"python examples/find_actions.py tin-motion {clip}", desk, address)
    assert (done.returncode, "probability" in done.stderr) == (0, False), done.stderr
