"""Addresses of files elsewhere, such as s3://bucket/models, for fsspec; an operator's, never a request's.

AddressError    fsspec or the package of the address's kind is missing, or what is there cannot be read or written
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from service.store.model_store import StoreError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+)")


class AddressError(StoreError):
    """An address cannot be reached, read or written; the message is one line."""


def address_of(path: Path) -> str | None:
    """Return the address that a path on the command line or in a setting stands for, None for a path of this machine.

    >>> address_of(Path("s3://bucket/models")), address_of(Path("models"))
    ('s3://bucket/models', None)
    """
    # A Path has made one slash of two.
    found = _ADDRESS.fullmatch(path.as_posix())
    return f"{found[1]}://{found[2]}" if found else None


def name_of(path: Path) -> str:
    """Return the address that a path stands for, or the path as text."""
    return address_of(path) or str(path)


@contextmanager
def opened(address: str, what_for: Literal["read", "written"] = "read") -> Iterator[tuple[Any, str]]:
    """Lend the file system of an address, and the path in it; raises AddressError for whatever fails in the block."""
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise AddressError(f"{address} needs fsspec: pip install -c constraints.txt -e .[remote]") from error
    try:
        files, path = fsspec.url_to_fs(address)
        files.invalidate_cache()
        yield files, str(path)
    except ImportError as error:
        raise AddressError(f"{address} needs another package: {_line(error)}") from error
    except StoreError:
        raise
    except Exception as error:  # each kind of address has exceptions of its own
        raise AddressError(f"{address} cannot be {what_for}: {type(error).__name__}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
