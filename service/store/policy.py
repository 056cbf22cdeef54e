"""Serving policy of a model: `model_store/<name>/policy.json` says which versions are loaded and which one answers.

    {"serve": "latest"}         every version is loaded, and the newest that can answer does; the policy without a file
    {"serve": [1, 3]}           only these are loaded, and the newest of them that can answer does
    {"serve": {"pinned": 2}}    every version is loaded, and this one answers

A request that names a version gets it in all three cases, if it is loaded.
"""

from __future__ import annotations

import errno
import os
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from service.store.manifest import FileName
from service.store.model_store import StoreError

POLICY_FILE = "policy.json"
MAX_BYTES = 1 << 16
EXAMPLES = '{"serve": "latest"}, {"serve": [1, 3]} or {"serve": {"pinned": 2}}'


class PolicyRefused(StoreError):
    """The policy cannot be read, is not valid, or does not fit the model's versions."""


def _text_of(version: object) -> object:
    return str(version) if type(version) is int else version


def _number_or_text(version: str) -> int | str:
    return int(version) if version.isdecimal() and str(int(version)) == version else version


VersionName = Annotated[FileName, BeforeValidator(_text_of), PlainSerializer(_number_or_text)]
"""A version's folder; in JSON also a whole number."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pinned(_Record):
    """The one version that answers requests which name none."""

    pinned: VersionName


class ServingPolicy(_Record):
    """Versions of a model to load, and the one that answers requests which name none.

    >>> policy = ServingPolicy(serve=[1, 3])
    >>> str(policy), policy.loads("2"), policy.candidates(["1", "2", "3"])
    ('1, 3', False, ['3', '1'])
    """

    serve: Literal["latest"] | Annotated[tuple[VersionName, ...], Field(min_length=1)] | Pinned = "latest"

    @property
    def pinned(self) -> str | None:
        """The pinned version, or None."""
        return self.serve.pinned if isinstance(self.serve, Pinned) else None

    @property
    def named(self) -> tuple[str, ...]:
        """The versions that the policy names; none for `latest`."""
        if isinstance(self.serve, Pinned):
            return (self.serve.pinned,)
        return () if self.serve == "latest" else tuple(self.serve)

    def loads(self, version: str) -> bool:
        """Return True if the version is to be loaded."""
        return not isinstance(self.serve, tuple) or version in self.serve

    def candidates(self, versions: Sequence[str]) -> list[str]:
        """Return the versions that may answer a request which names none, the first choice first.

        Args:
            versions: The model's versions, oldest first.
        """
        return [version for version in reversed(versions) if version in self.named or not self.named]

    def without(self, version: str) -> ServingPolicy:
        """Return the policy that no longer names the version: `latest` when it named no other."""
        rest = tuple(each for each in self.named if each != version)
        return ServingPolicy(serve=rest or "latest")

    def __str__(self) -> str:
        """`latest`, `1, 3` or `pinned 2`."""
        return f"pinned {self.pinned}" if self.pinned else ", ".join(self.named) or "latest"


LATEST = ServingPolicy()


def read_policy(folder: Path) -> ServingPolicy:
    """Read the policy in a model's folder; `latest` where there is none. Raises PolicyRefused."""
    path = folder / POLICY_FILE
    if not os.path.lexists(path):
        return LATEST
    try:
        return ServingPolicy.model_validate_json(_read(path).removeprefix(BOM_UTF8))
    except OSError as error:
        raise PolicyRefused(f"{folder.name}/{POLICY_FILE} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise PolicyRefused(f"{folder.name}/{POLICY_FILE} is not valid: it must be {EXAMPLES}") from error


def unknown_versions(policy: ServingPolicy, versions: Sequence[str]) -> list[str]:
    """Return the versions that the policy names and the model does not have."""
    return [version for version in policy.named if version not in versions]


def _read(path: Path) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        raise OSError(errno.EINVAL, "it is not a file")
    with path.open("rb") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"it is longer than {MAX_BYTES:,} bytes")
    return text
