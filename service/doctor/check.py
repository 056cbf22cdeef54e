"""Checks of the doctor: a check, its finding, and the function that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from service.backends.base import one_line


class CheckFailed(Exception):
    """The check found a fault; the message names it."""


class CheckSkipped(Exception):
    """The check cannot run here; the message gives the reason."""


class CheckWarned(Exception):
    """The check found a weakness that stops nothing; the message names it."""


@dataclass(frozen=True)
class Check:
    """A check by name; `run` returns its finding or raises, `advice` says what to do when it fails or warns."""

    name: str
    run: Callable[[], str]
    advice: str


class Finding(BaseModel):
    """Result of a check; `advice` is set when it failed or warned."""

    check: str
    status: Literal["ok", "warning", "failed", "skipped"]
    found: str
    advice: str | None = None


def examine(check: Check, announce: Callable[[str], None]) -> Finding:
    """Announce the check's name, run it and return the finding; any exception of the check is a failure."""
    announce(check.name)
    try:
        return Finding(check=check.name, status="ok", found=check.run())
    except CheckSkipped as reason:
        return Finding(check=check.name, status="skipped", found=str(reason))
    except CheckWarned as warning:
        return Finding(check=check.name, status="warning", found=str(warning), advice=check.advice)
    except Exception as error:
        return Finding(check=check.name, status="failed", found=one_line(error), advice=check.advice)
