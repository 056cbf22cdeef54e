"""The processes that Ray starts, as far as they start others; needs no Ray, which is an extra."""

from __future__ import annotations

import sys


def forget_main() -> None:
    """Keep decoders light: a child imports its parent's main module when that has a file; Ray's imports all of Ray."""
    vars(sys.modules["__main__"]).pop("__file__", None)
