"""2,000 damaged files, in children of their own: none may crash, hang, overrun the bounds or open anything."""

import ast
import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clips.decode import decode
from clips.errors import ClipError
from clips.sampling import evaluation_indices
from tests.clips.fuzzing import references, write_corpus
from tests.clips.made import CLIPS, make

ROOT = Path(__file__).parents[2]
CHILDREN, CASES = 8, 250
IN_OPEN = 0x20


class Watch:
    """Tells who opened a folder's files, in whatever language, and who called an address."""

    def __init__(self, folder):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._libc.inotify_add_watch(self._inotify, bytes(folder), IN_OPEN) >= 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"

    def was_opened(self):
        return _happened(lambda: os.read(self._inotify, 4096))

    def was_called(self):
        return _happened(self._accept)

    def _accept(self):
        connection, _ = self._server.accept()
        connection.close()

    def close(self):
        os.close(self._inotify)
        self._server.close()


def _happened(event):
    try:
        event()
    except BlockingIOError:
        return False
    return True


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    path = tmp_path_factory.mktemp("private") / "canary.ts"
    path.write_bytes(make(next(made for made in CLIPS if made.name == "x264-ts")))
    return path


@pytest.fixture(scope="module")
def watch(canary):
    watch = Watch(canary.parent)
    yield watch
    watch.close()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, canary, watch):
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, str(canary), watch.address)
    return folder


@pytest.mark.parametrize("seed", range(CHILDREN))
def test_damaged_files_give_frames_or_a_clip_error(corpus, watch, seed):
    command = [sys.executable, "-m", "tests.clips.fuzzing", str(corpus), "--seed", str(seed), "--cases", str(CASES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = ast.literal_eval(done.stdout.splitlines()[-1])
    assert sum(outcomes.values()) == CASES
    assert {"minimal", "full", "Undecodable"} <= outcomes.keys()
    assert not watch.was_opened()
    assert not watch.was_called()


def test_references_are_not_followed(watch, canary):
    for data in references(str(canary), watch.address).values():
        with pytest.raises(ClipError):
            decode(data, lambda num_frames: evaluation_indices(num_frames, 8))
    assert not watch.was_opened()
    assert not watch.was_called()


def test_the_watch_sees(watch, canary):
    canary.read_bytes()
    host, port = watch.address.split(":")
    socket.create_connection((host, int(port))).close()
    assert watch.was_opened()
    assert watch.was_called()
