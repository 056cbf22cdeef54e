"""A check: something to look at, what it found, and what to do when it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from service.backends.base import one_line


class CheckFailed(Exception):
    """Something is wrong; the message says what."""


class CheckSkipped(Exception):
    """It cannot be looked at here; the message says why."""


@dataclass(frozen=True)
class Check:
    """`run` returns what it found, or raises; `advice` is for whoever reads that it failed."""

    name: str
    run: Callable[[], str]
    advice: str


class Finding(BaseModel):
    """What came of a check. `advice` is there when it failed."""

    check: str
    status: Literal["ok", "failed", "skipped"]
    found: str
    advice: str | None = None


def examine(check: Check, tell: Callable[[str], None]) -> Finding:
    """Tell its name and run it. Whatever it raises is a finding too: nobody foresees how an installation is broken."""
    tell(check.name)
    try:
        return Finding(check=check.name, status="ok", found=check.run())
    except CheckSkipped as reason:
        return Finding(check=check.name, status="skipped", found=str(reason))
    except Exception as error:
        return Finding(check=check.name, status="failed", found=one_line(error), advice=check.advice)
