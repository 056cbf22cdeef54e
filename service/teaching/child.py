"""Launcher of a training: `python -m service.teaching.child COMMAND...` gives way to the service and ends with it.

It becomes the command, at a low priority. Setting these in the service, between fork and exec, is not safe beside its
threads.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from service.decoding.sandbox.libc import PR_SET_PDEATHSIG, prctl

NICENESS = 15
"""Below the decoders' 10, so that POST /predict is answered first."""


def main(command: list[str]) -> None:
    """Become the command. Raises OSError for a program that cannot be run."""
    os.nice(NICENESS)
    with suppress(OSError):  # not on Linux
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execv(command[0], command)  # noqa: S606 - the command is the service's own


if __name__ == "__main__":
    main(sys.argv[1:])
