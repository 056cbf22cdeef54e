"""Confined processes end as soon as they open a file or a socket."""

import signal
import subprocess
import sys

import pytest

from tests.helpers.paths import REPOSITORY


def run_confined(statement, *arguments):
    code = (
        f"import av, io, os, socket, sys\nfrom tests.helpers.videos.confinement import confine\nconfine()\n{statement}"
    )
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=REPOSITORY, check=False).returncode


@pytest.mark.parametrize(
    "statement",
    [
        "open(sys.argv[1])",
        "av.open(sys.argv[1])",
        "av.open(f'concat:{sys.argv[1]}')",
        "av.open('tcp://127.0.0.1:9')",
        "socket.socket()",
        "os.execv(sys.executable, [sys.executable])",
    ],
)
def test_what_opens_anything_is_killed(statement, make_video):
    assert run_confined(statement, str(make_video(2))) == -signal.SIGSYS


def test_what_opens_nothing_goes_on():
    assert run_confined("assert io.BytesIO(b'x').read() == b'x'") == 0
