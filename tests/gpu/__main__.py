"""`python -m tests.gpu --out DIR --seconds N`: test and measure all that needs a GPU, within a time.

Each step is a process of its own with a limit; its figures are in DIR/<step>.json as soon as it has any, and those of
all steps in DIR/gpu-<date>.json. A failed step hides no later one; the exit code is 1 if one failed. Without a GPU,
each step runs as far as it can and names what it would have run.

It needs torch with CUDA, Triton and numpy. `make gpu-pack` fills a folder with what else is used; put it on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.gpu.session.session import Session
from tests.gpu.session.step import STEPS


def main() -> int:
    """Run the steps that the arguments name; return the exit code."""
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description="Test and measure all that needs a GPU.")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the figures (a new temporary one)")
    parser.add_argument("--seconds", type=float, default=900, metavar="N", help="time for all steps (%(default)s)")
    parser.add_argument("--steps", nargs="+", choices=names, default=names, metavar="STEP", help=", ".join(names))
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="tin-gpu-"))
    session = Session(out, arguments.seconds, sys.stdout)
    return session.run([step for step in STEPS if step.name in arguments.steps])


if __name__ == "__main__":
    sys.exit(main())
