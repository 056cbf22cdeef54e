"""2,000 damaged files, decoded in confined processes: none may crash, hang, exceed the limits or open anything."""

import ast
import socket
import subprocess
import sys

import pytest

from tests.helpers.fuzzing.corpus import write_corpus
from tests.helpers.paths import REPOSITORY
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import make_clip

PROCESSES, CASES = 8, 250


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    path = tmp_path_factory.mktemp("private") / "canary.ts"
    path.write_bytes(make_clip(recipe_named("x264-ts")))
    return path


@pytest.fixture(scope="module")
def address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, canary, address):
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, str(canary), address)
    return folder


@pytest.mark.parametrize("seed", range(PROCESSES))
def test_damaged_files_give_frames_or_a_clip_error(corpus, seed):
    command = [
        sys.executable,
        "-m",
        "tests.helpers.fuzzing.damage",
        str(corpus),
        "--seed",
        str(seed),
        "--cases",
        str(CASES),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = ast.literal_eval(done.stdout.splitlines()[-1])
    assert sum(outcomes.values()) == CASES
    assert {"minimal", "full", "Undecodable"} <= outcomes.keys()
