"""Confined processes: Python statements in a process of their own, after the sandbox is on."""

from __future__ import annotations

import subprocess
import sys

from tests.helpers.paths import REPOSITORY

CONFINE = "from service.decoding.sandbox.confinement import confine; confine()"
CONFINE_BY_LANDLOCK = "from service.decoding.sandbox.landlock import confine; confine()"


def run_confined(statement: str, *arguments: str, imports: str, confine: str = CONFINE) -> int:
    """Import modules, run the code that confines the process, then the statement; return the exit code."""
    code = "\n".join([f"import {imports}", confine, statement])
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=REPOSITORY, capture_output=True, check=False)
    return done.returncode
