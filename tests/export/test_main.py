"""The command line, as a person meets it: each run is a process."""

import json
import resource
import shutil
import subprocess
import sys

import pytest

from export.publishing.publish import publish
from tests.helpers.paths import REPOSITORY
from training.checkpoints.checkpoint import save_checkpoint


def run_export(*arguments, limit_bytes=None):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    command = [sys.executable, "-m", "export", *map(str, arguments)]
    preexec = limit if limit_bytes else None
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, preexec_fn=preexec)


@pytest.fixture
def saved(checkpoint, tmp_path):
    path = tmp_path / "letters.safetensors"
    save_checkpoint(checkpoint, path)
    return path


@pytest.fixture
def store(subject, tmp_path, quick):
    publish(subject, tmp_path / "store")
    return tmp_path / "store"


def contents(store):
    return {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_a_checkpoint_is_published_and_then_verified(saved, tmp_path):
    store = tmp_path / "store"
    done = run_export(saved, "--name", "letters", "--store", store)
    assert done.returncode == 0, done.stderr
    assert "letters/1/model.onnx: logits within" in done.stdout
    verified = run_export("verify", "letters", "--store", store)
    assert verified.returncode == 0, verified.stderr
    assert "letters 1 model.onnx: logits within" in verified.stdout


def test_a_digest_that_does_not_match_is_told(store):
    (store / "letters" / "1" / "model.onnx").write_bytes(b"other")
    done = run_export("verify", "letters", "--store", store)
    assert done.returncode == 1
    assert "model.onnx is not the file that was published" in done.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_bytes(b"no tensors"), "is not the file that letters.json describes"),
        (lambda path: path.with_suffix(".json").write_text(json.dumps({})), "is not a checkpoint of this project"),
        (lambda path: path.unlink(), "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_told(saved, store, change, message):
    before = contents(store)
    change(saved)
    done = run_export(saved, "--name", "letters", "--version", "2", "--store", store)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert contents(store) == before


def test_an_unknown_format_is_told(saved, store):
    before = contents(store)
    done = run_export(saved, "--name", "letters", "--version", "2", "--formats", "onnx,coreml", "--store", store)
    assert done.returncode == 2
    assert "there is no format 'coreml'" in done.stderr
    assert contents(store) == before


def test_a_device_that_is_missing_is_told_with_an_exit_code_of_its_own(saved, store):
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine may have what is missing")
    before = contents(store)
    arguments = ("--name", "letters", "--version", "2", "--formats", "tensorrt", "--store", store)
    done = run_export(saved, *arguments)
    assert done.returncode == 3
    assert done.stderr.startswith("error: TensorRT is not installed")
    assert done.stderr.count("\n") == 1
    assert contents(store) == before


def test_a_disk_that_takes_no_more_leaves_the_store_as_it_was(saved, store):
    before = contents(store)
    arguments = (saved, "--name", "letters", "--replace", "--store", store)
    done = run_export(*arguments, limit_bytes=200_000)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "File too large" in done.stderr
    assert contents(store) == before


def test_a_store_that_cannot_be_written_is_told(saved):
    done = run_export(saved, "--name", "letters", "--store", "/proc/store")
    assert done.returncode == 2
    assert done.stderr == "error: [Errno 2] No such file or directory: '/proc/store'\n"


def test_a_model_that_is_not_there_is_told(store):
    done = run_export("verify", "numbers", "--store", store)
    assert done.returncode == 2
    assert done.stderr == "error: no model 'numbers' in the store; it holds letters\n"
