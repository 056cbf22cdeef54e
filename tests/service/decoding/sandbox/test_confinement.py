"""Confinement takes the strongest mechanism that there is."""

from __future__ import annotations

import platform

import pytest

from service.decoding.sandbox.confinement import Sandbox
from service.decoding.sandbox.landlock import CREATE_RULESET
from service.decoding.sandbox.system_calls import CPUS
from tests.helpers.hostile.confined import run_confined
from tests.service.decoding.sandbox.test_landlock import version

pytestmark = pytest.mark.skipif(platform.machine() not in CPUS, reason="the filters are for x86-64 and aarch64")

PRCTL = {"x86_64": 157, "aarch64": 167}
FORBID = """
from service.decoding.sandbox.libc import PR_SET_SECCOMP
from service.decoding.sandbox.seccomp import *
forbidden = refuse(errno.EINVAL)
if_seccomp = [instruction(LOAD, FIRST_ARGUMENT), *if_equal(PR_SET_SECCOMP, forbidden), instruction(RETURN, ALLOW)]
install([
    instruction(LOAD, CALL_NUMBER),
    *if_equal({prctl}, if_seccomp if {seccomp} else []),
    *if_equal({create_ruleset}, forbidden if {landlock} else []),
    instruction(RETURN, ALLOW),
])
"""


@pytest.mark.parametrize(
    ("forbidden", "expected"),
    [
        ("", Sandbox.SECCOMP),
        ("seccomp", Sandbox.LANDLOCK if version() else Sandbox.NONE),
        ("seccomp and landlock", Sandbox.NONE),
    ],
)
def test_the_next_one_is_taken_where_one_is_forbidden(forbidden, expected):
    confine = FORBID.format(
        prctl=PRCTL[platform.machine()],
        create_ruleset=CREATE_RULESET,
        seccomp="seccomp" in forbidden,
        landlock="landlock" in forbidden,
    )
    confine += "from service.decoding.sandbox.confinement import confine"
    assert run_confined(f"assert confine() == {expected.value!r}", imports="errno, os", confine=confine) == 0
