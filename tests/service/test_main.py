"""Command line of the service: each command in a process of its own, on a store of small models."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.service import SERVER_PYTHON
from tests.helpers.videos.linked import linked

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def files(tmp_path: Path, videos: dict[str, bytes]) -> list[str]:
    """A good video, a text, another good video."""
    contents = {"one.mp4": videos["mp4"], "two.mp4": b"text " * 50, "three.avi": videos["avi"]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in contents]


def test_predict_prints_a_table(run_cli: Run, files: list[str]) -> None:
    done = run_cli("predict", files[0])
    assert done.returncode == 0, done.stderr
    assert "one.mp4" in done.stdout
    assert done.stdout.index("Showing blue") < done.stdout.index("Showing pink")
    assert "<b>yellow</b>" in run_cli("predict", files[0], "--top-k", "all").stdout


def test_predict_says_how_stable_an_answer_is(run_cli: Run, files: list[str]) -> None:
    table = run_cli("predict", files[0], "--stability").stdout
    assert "is stable" in table
    assert "does not depend on order" in table
    assert "depend on order" not in run_cli("predict", files[0]).stdout
    answer = json.loads(run_cli("predict", files[0], "--stability", "--json").stdout)
    assert answer["stability"]["is_stable"] is True
    assert len(answer["stability"]["shifted"]["sampled"]) == 8


def test_predict_goes_on_after_a_bad_file(run_cli: Run, files: list[str]) -> None:
    done = run_cli("predict", "--json", *files, "nowhere.mp4", "--model", "colours", "--version", "1", "--top-k", "2")
    assert done.returncode == 1
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["file"] for answer in answers] == [files[0], files[2]]
    assert [len(answer["predictions"]) for answer in answers] == [2, 2]
    assert answers[0]["model"]["version"] == "1"
    assert "upload" not in answers[0]["timing_ms"]
    first, second = done.stderr.splitlines()
    assert "two.mp4" in first
    assert "not a video" in first
    assert second == "error: nowhere.mp4: No such file or directory"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model", "none"], "'none'"),
        (["--top-k", "0"], "top_k"),
        (["--top-k", "many"], "top_k"),
        (["--model", "broken"], "broken/1/model.onnx"),
        (["--store", "nowhere"], "nowhere"),
        (["--model-store", "nowhere"], "nowhere"),
    ],
)
def test_predict_gives_up_when_nothing_can_work(
    run_cli: Run, files: list[str], arguments: list[str], named: str
) -> None:
    done = run_cli("predict", files[0], *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_predict_writes_features_as_json_only(run_cli: Run, files: list[str], networks: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    asked = ("predict", files[0], "--features", "--model", "tsm", "--store", str(networks))
    printed = json.loads(run_cli(*asked, "--json").stdout)
    assert printed["features"] == [pytest.approx(10, abs=12), pytest.approx(20, abs=12), pytest.approx(220, abs=12)]
    assert run_cli(*asked, "--out", str(answers)).returncode == 0
    assert json.loads(answers.read_text())["features"] == printed["features"]
    again = run_cli(*asked, "--out", str(answers))
    assert (again.returncode, len(answers.read_text().splitlines())) == (0, 1)
    for refused in (
        run_cli(*asked),
        run_cli("predict", files[0], "--features", "--json", "--model", "old", "--store", str(networks)),
    ):
        assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)
    assert "tin reexport" in refused.stderr


def test_predict_takes_folders_and_patterns(run_cli: Run, files: list[str], tmp_path: Path) -> None:
    done = run_cli("predict", "--json", str(tmp_path), str(tmp_path / "*.avi"))
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [files[0], files[2], files[2]]
    assert "two.mp4" in done.stderr
    (tmp_path / "empty").mkdir()
    done = run_cli("predict", str(tmp_path / "empty"))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"{tmp_path}/empty" in done.stderr


def test_predict_names_the_files_that_it_passes_over(run_cli: Run, files: list[str], tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.srt").touch()
    done = run_cli("predict", "--json", str(tmp_path))
    passed_over, _ = done.stderr.splitlines()
    assert "7 files" in passed_over
    assert "0.srt, 1.srt" in passed_over
    assert "6.srt" not in passed_over
    assert len(run_cli("predict", "--json", files[0]).stderr.splitlines()) == 0


def test_predict_reads_standard_input(run_cli: Run, store: Path, videos: dict[str, bytes], tmp_path: Path) -> None:
    done = subprocess.run(
        [SERVER_PYTHON, "-m", "service", "predict", "--json", "--store", str(store), "-"],
        cwd=REPOSITORY,
        input=videos["mp4"],
        capture_output=True,
        timeout=30,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert (answer["file"], answer["clip"]["size_bytes"]) == ("-", len(videos["mp4"]))
    assert answer["predictions"][0]["label"] == "Showing blue"
    refused = run_cli("predict", "-", "--out", str(tmp_path / "answers.jsonl"))
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)


def test_predict_shows_a_bar_on_a_terminal_and_keeps_stdout_clean(store: Path, files: list[str]) -> None:
    terminal, stderr = pty.openpty()
    done = subprocess.run(
        [SERVER_PYTHON, "-m", "service", "predict", "--json", "--store", str(store), files[0], files[2]],
        cwd=REPOSITORY,
        env=os.environ | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=stderr,
        timeout=30,
        check=False,
    )
    os.close(stderr)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert done.returncode == 0
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [files[0], files[2]]
    assert "predicting" in shown
    assert "2/2" in shown


def test_predict_writes_answers_and_goes_on_where_it_was(run_cli: Run, files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    done = run_cli("predict", "--out", str(out), files[0], files[1], "nowhere.mp4")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"{out}: 1 of 3 videos are answered, 1 never will be"
    first, second = map(json.loads, out.read_text().splitlines())
    printed = json.loads(run_cli("predict", "--json", files[0]).stdout)
    assert {**first, "timing_ms": 0} == {**printed, "timing_ms": 0}
    assert second["file"] == files[1]
    assert "not a video" in second["error"]

    done = run_cli("predict", "--out", str(out), str(tmp_path), files[0], "nowhere.mp4")
    nowhere, total = done.stderr.splitlines()
    assert nowhere == "error: nowhere.mp4: No such file or directory"
    assert total == f"{out}: 2 of 4 videos are answered, 1 never will be"
    assert [json.loads(line)["file"] for line in out.read_text().splitlines()] == [*files[:2], files[2]]
    done = run_cli("predict", "--out", str(out), files[0], files[2])
    assert (done.returncode, done.stderr) == (0, f"{out}: 2 of 2 videos are answered\n")


def test_predict_loses_nothing_when_it_is_killed(store: Path, videos: dict[str, bytes], tmp_path: Path) -> None:
    names = linked(videos["mp4"], tmp_path / "clips", 1500)
    out = tmp_path / "answers.jsonl"
    command = [SERVER_PYTHON, "-m", "service", "predict", "--store", str(store), "--out", str(out)]
    process = subprocess.Popen([*command, str(tmp_path / "clips")], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    while not out.exists() or out.stat().st_size < 20_000:
        assert process.poll() is None
    process.kill()
    process.wait()
    assert out.read_bytes().count(b"\n") < len(names)
    subprocess.run([*command, str(tmp_path / "clips")], cwd=REPOSITORY, stderr=subprocess.DEVNULL, check=True)
    assert [json.loads(line)["file"] for line in out.read_text().splitlines()] == names


def test_predict_does_not_touch_a_file_of_something_else(run_cli: Run, files: list[str]) -> None:
    done = run_cli("predict", files[0], "--out", files[2])
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f"{files[2]}, line 1" in done.stderr


def test_predict_on_a_cluster_says_what_it_needs(run_cli: Run, files: list[str], tmp_path: Path) -> None:
    done = run_cli("predict", "--ray", files[0])
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "--out" in done.stderr
    (tmp_path / "hidden" / "ray").mkdir(parents=True)
    (tmp_path / "hidden" / "ray" / "__init__.py").write_text("raise ModuleNotFoundError('', name='ray')")
    asked = ["predict", "--ray", files[0], "--out", str(tmp_path / "answers.jsonl")]
    done = run_cli(*asked, PYTHONPATH=str(tmp_path / "hidden"))
    assert (done.returncode, done.stderr) == (
        2,
        "error: --ray needs ray: pip install -c constraints.txt -e .[cluster]\n",
    )


def test_predict_names_a_file_whose_name_is_no_text(run_cli: Run, videos: dict[str, bytes], tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.mp4")
    Path(name).write_bytes(videos["mp4"])
    done = run_cli("predict", "--json", name)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["file"] == name
    done = run_cli("predict", name)
    assert done.returncode == 0, done.stderr
    assert r"caf\udce9.mp4" in done.stdout


def test_nothing_is_kept_or_sent_of_what_runs_where(run_cli: Run, files: list[str], tmp_path: Path) -> None:
    """ONNX Runtime's telemetry, on by default, would write a number for this machine first."""
    home = tmp_path / "home"
    home.mkdir()
    quiet = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "CI": "", "ORT_DISABLE_TELEMETRY": ""}
    assert run_cli("predict", files[0], **quiet).returncode == 0
    assert not list(home.iterdir())


def test_models(run_cli: Run) -> None:
    done = run_cli("models")
    assert done.returncode == 0
    assert "colours" in done.stdout
    assert "refused" in done.stdout
    assert "unproven/1/model.onnx" in done.stderr
    listed = [json.loads(line) for line in run_cli("models", "--json").stdout.splitlines()]
    assert [model["status"] for model in listed] == ["refused", "ready", "ready", "refused"]


def test_models_are_pinned_listed_and_removed(run_cli: Run, publish: Callable[..., Path], tmp_path: Path) -> None:
    for version in ("1", "2", "3"):
        publish(tmp_path, "colours", version)

    for arguments, printed in (
        (["pin", "colours", "2"], "colours: pinned 2\n"),
        (["serve", "colours", "1,2"], "colours: 1, 2\n"),
        (["remove", "colours", "2", "--force"], "colours: 1\n"),
    ):
        done = run_cli("models", "--store", str(tmp_path), *arguments)
        assert (done.returncode, done.stdout) == (0, printed), done.stderr
    listed = map(json.loads, run_cli("models", "--json", "--store", str(tmp_path)).stdout.splitlines())
    assert [(row["version"], row["status"], row["policy"], row["is_default"]) for row in listed] == [
        ("1", "ready", "1", True),
        ("3", "unloaded", "1", False),
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["pin", "colours", "7"], "'7'"),
        (["pin", "none", "1"], "'none'"),
        (["pin", "broken", "1"], "broken/1/model.onnx"),
        (["unpin", "colours"], "latest"),
        (["serve", "colours", "1,../2"], "1,../2"),
        (["remove", "broken", "1"], "--force"),
        (["show", "none"], "'none'"),
        (["show", "colours", "--version", "7"], "'7'"),
        (["show", "broken"], "broken/1/model.onnx"),
    ],
)
def test_models_says_in_one_line_what_is_not_done(run_cli: Run, store: Path, arguments: list[str], named: str) -> None:
    done = run_cli("models", *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert named in done.stderr
    assert not list(store.glob("*/policy.json"))


def test_serve_says_that_the_port_is_taken(run_cli: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_cli("serve", "--port", str(port))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"127.0.0.1 port {port}" in done.stderr


def test_serve_says_that_the_store_is_empty(run_cli: Run, tmp_path: Path) -> None:
    done = run_cli("serve", "--port", "0", "--store", str(tmp_path))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert str(tmp_path) in done.stderr


def test_serve_says_that_there_is_no_place_for_takes(run_cli: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ({}, {"TIN_TEACH_FOLDER": str(tmp_path / "file" / "taught")}):
        done = run_cli("serve", "--port", "0", TIN_TEACH="true", **folder)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "TIN_TEACH_FOLDER" in done.stderr


def test_serve_says_which_setting_is_wrong(run_cli: Run) -> None:
    done = run_cli("serve", TIN_MAX_UPLOAD_BYTES="many")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "max_upload_bytes" in done.stderr


@pytest.mark.parametrize("command", [["serve"], ["predict", "clip.mp4"], ["models"], ["doctor"], ["openapi"]])
def test_an_unknown_setting_ends_every_command(run_cli: Run, command: list[str]) -> None:
    done = run_cli(*command, TIN_MAX_QUEU="3")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "TIN_MAX_QUEU " in done.stderr
    assert "TIN_MAX_QUEUE" in done.stderr


@pytest.mark.parametrize("command", [[], ["serve"], ["predict"], ["models"], ["doctor"], ["openapi"]])
def test_help_suffices(run_cli: Run, command: list[str]) -> None:
    assert "Usage: python -m service" in run_cli(*command, "--help").stdout
