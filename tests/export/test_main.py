"""Commands `python -m export` and `python -m export verify`."""

import json
import re
import resource
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from clips.clip_spec import ClipSpec, View
from export.__main__ import cli
from service.store.model_store import ModelStore
from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.hub import running_hub
from training.checkpoints.checkpoint import load_checkpoint, save_checkpoint


def run_export(*arguments, limit_bytes=None):
    """Run the command in a process of its own."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    command = [sys.executable, "-m", "export", *map(str, arguments)]
    preexec = limit if limit_bytes else None
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, preexec_fn=preexec)


def steps_in(text):
    """Return the lines of progress, such as `   3 s  onnx: exporting`."""
    return [line for line in text.splitlines() if re.match(r" *\d+ s  ", line)]


def run_here(*arguments):
    """Run the command in this process."""
    result = CliRunner().invoke(cli, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def saved(checkpoint, tmp_path):
    path = tmp_path / "letters.safetensors"
    save_checkpoint(checkpoint, path)
    return path


def contents(store):
    return {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_a_checkpoint_is_published_and_then_verified(saved, tmp_path):
    store = tmp_path / "store"
    done = run_export(saved, "--name", "letters", "--store", store)
    assert done.returncode == 0, done.stderr
    assert str(store / "letters" / "1" / "model.onnx") in done.stdout
    steps = steps_in(done.stderr)
    assert len(steps) == len(done.stderr.splitlines()) == 4
    assert "letters 1" in steps[0]
    assert all("onnx" in step for step in steps[1:])
    verified = run_here("verify", "letters", "--store", store)
    assert verified.exit_code == 0, verified.stderr
    assert verified.stdout.startswith("letters 1 model.onnx: ")


def test_views_of_a_video_can_be_chosen_at_publication(saved, tmp_path):
    views = ("--view", "three", "--clips", 2, "--crop", 40)
    done = run_here("publish", saved, "--name", "letters", "--store", tmp_path / "store", *views)
    assert done.exit_code == 0, done.stderr
    stored = ModelStore(tmp_path / "store").open("letters")
    assert stored.manifest.clip == ClipSpec(crop=40, view=View.THREE, clips=2)
    assert load_checkpoint(stored.path_of(stored.manifest.checkpoint)).clip == stored.manifest.clip


def test_views_that_cannot_be_are_refused_before_anything_is_exported(saved, tmp_path):
    done = run_here(
        "publish", saved, "--name", "letters", "--store", tmp_path / "store", "--view", "ten", "--crop", 300
    )
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "store").exists()


def test_a_digest_that_does_not_match_is_reported(store):
    (store / "letters" / "1" / "model.onnx").write_bytes(b"other")
    done = run_here("verify", "letters", "--version", "1", "--store", store)
    assert done.exit_code == 1
    assert "model.onnx" in done.stdout


def test_the_store_can_be_named_by_the_environment(store, monkeypatch):
    monkeypatch.setenv("TIN_MODEL_STORE", str(store))
    done = run_here("verify", "numbers")
    assert done.exit_code == 2
    assert "letters" in done.stderr


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda path: path.write_bytes(b"no tensors"), "letters.json"),
        (lambda path: path.with_suffix(".json").write_text(json.dumps({})), "letters"),
        (lambda path: path.unlink(), "letters.safetensors"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_an_error_of_one_line(saved, store, change, named):
    before = contents(store)
    change(saved)
    done = run_here("publish", saved, "--name", "letters", "--version", "3", "--store", store)
    assert done.exit_code == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(store) == before


@pytest.mark.parametrize(
    ("formats", "named"),
    [
        pytest.param("onnx,coreml", "coreml", id="an unknown format"),
        pytest.param("onnx,onnx-int8", "--videos", id="int8 without its videos"),
    ],
)
def test_a_format_that_cannot_be_made_is_refused_before_anything_is_exported(saved, store, formats, named):
    before = contents(store)
    done = run_here("publish", saved, "--name", "letters", "--version", "3", "--formats", formats, "--store", store)
    assert done.exit_code == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(store) == before


def test_without_a_version_the_next_number_is_published_and_printed(saved, store):
    done = run_here("publish", saved, "--name", "letters", "--store", store)
    assert done.exit_code == 0, done.stderr
    assert "letters 3" in done.stdout.splitlines()[-1]
    assert sorted(path.name for path in (store / "letters").iterdir()) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "option", [("--name", "a/b"), ("--name", "_letters"), ("--name", "letters", "--version", "../1")]
)
def test_a_name_that_is_no_folders_is_refused_before_anything_is_exported(saved, store, option):
    before = contents(store)
    done = run_here("publish", saved, *option, "--store", store)
    assert done.exit_code == 2
    assert option[-1] in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(store) == before
    assert [path.name for path in store.iterdir()] == ["letters"]


def test_a_missing_device_has_an_exit_code_of_its_own(saved, store):
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine may have the device")
    before = contents(store)
    arguments = ("--name", "letters", "--version", "3", "--formats", "tensorrt", "--store", store)
    done = run_export(saved, *arguments)
    assert done.returncode == 3
    assert "TensorRT" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(store) == before


def test_a_full_disk_leaves_the_store_unchanged(saved, store):
    before = contents(store)
    arguments = (saved, "--name", "letters", "--replace", "--store", store)
    done = run_export(*arguments, limit_bytes=200_000)
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert contents(store) == before


def test_a_store_that_cannot_be_written_is_an_error(saved):
    done = run_here("publish", saved, "--name", "letters", "--store", "/proc/store")
    assert done.exit_code == 2
    assert "/proc/store" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_model_is_an_error_that_lists_the_known_ones(store):
    done = run_here("verify", "numbers", "--store", store)
    assert done.exit_code == 2
    assert "numbers" in done.stderr
    assert "letters" in done.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning:httpx2")
def test_a_published_version_is_pushed(saved, store, hub_client):
    with running_hub() as hub:
        hub_client(hub.address)
        done = run_here("publish", saved, "--name", "letters", "--store", store, "--push", "hf://me/letters")
    assert done.exit_code == 0, done.stderr
    assert hub.files("me/letters")["manifest.json"] == (store / "letters" / "3" / "manifest.json").read_bytes()
    assert hub.commit_id("me/letters") in done.stdout


def test_a_push_that_fails_is_an_error_and_the_version_stays(saved, store, hub_client):
    hub_client("http://127.0.0.1:9")
    done = run_here("publish", saved, "--name", "letters", "--store", store, "--push", "hf://me/letters")
    assert done.exit_code == 2
    assert "hf://me/letters" in done.stderr.splitlines()[-1]
    assert (store / "letters" / "3" / "manifest.json").exists()


def test_a_wrong_address_is_refused_before_anything_is_exported(saved, store):
    before = contents(store)
    done = run_here("publish", saved, "--name", "letters", "--store", store, "--push", "me/letters")
    assert done.exit_code == 2
    assert "me/letters" in done.stderr
    assert contents(store) == before
