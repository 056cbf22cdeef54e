"""Exit codes of the commands: an expected error is one line on stderr and an exit code, without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from training.errors import BadInput, Stopped


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """Exit with code 2 for BadInput and OSError, and with 1 for Stopped.

    with errors_as_exit_codes():
        recipe = load_recipe(name)
    """
    try:
        yield
    except (BadInput, OSError) as error:
        _exit(error, 2)
    except Stopped as error:
        _exit(error, 1)


def _exit(error: Exception, exit_code: int) -> None:
    typer.echo(f"error: {' '.join(str(error).split())}", err=True)
    raise typer.Exit(exit_code) from None
