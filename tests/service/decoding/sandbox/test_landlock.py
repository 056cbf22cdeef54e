"""Landlock refuses files, programs and TCP to a process."""

from __future__ import annotations

import pytest

from service.decoding.sandbox.landlock import CREATE_RULESET, RETURN_VERSION, TCP_SINCE
from service.decoding.sandbox.libc import system_call
from tests.helpers.hostile.confined import CONFINE_BY_LANDLOCK, run_confined


def version() -> int:
    try:
        return system_call(CREATE_RULESET, 0, 0, RETURN_VERSION)
    except OSError:
        return 0


pytestmark = pytest.mark.skipif(version() == 0, reason="this kernel has no Landlock")

REFUSED = """
try:
    {}
except PermissionError:
    sys.exit(77)
"""


@pytest.mark.parametrize(
    "statement",
    [
        "open(sys.argv[1])",
        "open('new', 'w')",
        "os.unlink(sys.argv[1])",
        "os.mkdir('folder')",
        "os.execv(sys.executable, [sys.executable])",
        pytest.param(
            "socket.create_connection(('127.0.0.1', 9))",
            marks=pytest.mark.skipif(version() < TCP_SINCE, reason="this Landlock knows no TCP"),
        ),
    ],
)
def test_what_a_decoder_has_no_use_for_is_refused(statement, tmp_path):
    file = tmp_path / "file"
    file.touch()
    code = REFUSED.format(statement)
    assert run_confined(code, str(file), imports="os, socket, sys", confine=CONFINE_BY_LANDLOCK) == 77
    assert file.exists()


def test_open_files_stay_open():
    confine = f"file = open('/dev/zero', 'rb')\n{CONFINE_BY_LANDLOCK}"
    assert run_confined("assert file.read(1) == bytes(1)", imports="os", confine=confine) == 0
