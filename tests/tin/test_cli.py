"""The `tin` command: its commands, what each imports, completion, and missing extras."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import SERVER_PYTHON
from tin.commands import COMMANDS

HEAVY = ("export", "fastapi", "onnx", "onnxruntime", "service", "torch", "training")


def run_tin(*arguments: str, python: str = sys.executable, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "tin", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"COLUMNS": "100"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def loaded_by(*arguments: str) -> set[str]:
    """Names of HEAVY that `tin ARGUMENTS` imports."""
    code = (
        "import sys; from tin.cli import command_line\n"
        f"command_line().main({list(arguments)!r}, standalone_mode=False)\n"
        f"print('loaded', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def complete(*words: str, python: str = sys.executable) -> list[str]:
    """Return what bash offers for the last word."""
    line = " ".join(("tin", *words))
    done = run_tin(python=python, _TIN_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words)))
    assert not done.stderr
    return done.stdout.splitlines()


def test_help_lists_every_command_and_imports_none() -> None:
    printed = run_tin("--help").stdout
    assert all(f"{command.name} " in printed and command.help in printed for command in COMMANDS)
    assert loaded_by("--help") == set()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_prints_its_own_help(command) -> None:
    done = run_tin(command.name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: tin {command.name} " in done.stdout


def test_serving_and_probing_load_no_training() -> None:
    assert not loaded_by("serve", "--help") & {"torch", "onnx", "training", "export"}
    assert loaded_by("probe", "--help") == set()
    assert not loaded_by("train", "--help") & {"service", "export", "fastapi"}


def test_version_is_that_of_the_installation() -> None:
    assert run_tin("--version").stdout == f"tin {version('tin-serve')}\n"


def test_an_unknown_command_is_an_error_that_names_the_nearest() -> None:
    done = run_tin("predic")
    assert done.returncode == 2
    assert "predict" in done.stderr


def test_the_shell_completes_commands_and_options() -> None:
    assert complete("ser") == ["serve"]
    assert "--port" in complete("serve", "--")
    assert complete("prepare", "sthv") == ["sthv1", "sthv2"]


@pytest.mark.skipif(sys.executable == SERVER_PYTHON, reason="TIN_TEST_PYTHON names no base environment")
@pytest.mark.parametrize(("command", "extra"), [("train", "train"), ("export", "export"), ("reexport", "export")])
def test_a_command_without_its_extra_says_which_to_install(command: str, extra: str) -> None:
    done = run_tin(command, "--help", python=SERVER_PYTHON)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f"`tin {command}`" in done.stderr
    assert f".[{extra}]" in done.stderr
    assert complete(command, "--", python=SERVER_PYTHON) == ["--help"]


def test_the_page_describes_every_command_and_its_extra() -> None:
    page = (REPOSITORY / "docs" / "cli.md").read_text()
    rows = re.findall(r"^\| `tin ([a-z]+)` \|.*\| (?:`\[([a-z]+)\]` )?\|$", page, re.MULTILINE)
    assert rows == [(command.name, command.extra) for command in COMMANDS]
