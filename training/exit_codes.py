"""What the commands here have in common: an error is one line on stderr and an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from training.errors import BadInput, Stopped


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """End with exit code 2 for BadInput and OSError, 1 for Stopped."""
    try:
        yield
    except (BadInput, OSError) as error:
        _end(error, 2)
    except Stopped as error:
        _end(error, 1)


def _end(error: Exception, exit_code: int) -> None:
    typer.echo(f"error: {' '.join(str(error).split())}", err=True)
    raise typer.Exit(exit_code) from None
