"""Index of the model repository: every version of the store, and whether requests reach it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.models.versions import RefusedModel, Version


class IndexRequest(BaseModel):
    """The JSON of POST /v2/repository/index; the body may be empty, too."""

    model_config = ConfigDict(strict=True)

    ready: bool = Field(default=False, description="Only the versions that answer")


class IndexedVersion(BaseModel):
    """A version of a model."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str | None = Field(default=None, description="Why it is not ready, or why an update of it does not run")


def index_of(versions: Iterable[Version], *, only_ready: bool) -> list[IndexedVersion]:
    """The index of these versions, in their order."""
    indexed = [_entry(version) for version in versions]
    return [entry for entry in indexed if entry.state == "READY" or not only_ready]


def _entry(version: Version) -> IndexedVersion:
    if isinstance(version, RefusedModel):
        return IndexedVersion(name=version.name, version=version.version, state="UNAVAILABLE", reason=version.reason)
    outage = version.outage()
    return IndexedVersion(
        name=version.name,
        version=version.version,
        state="UNAVAILABLE" if outage else "READY",
        reason=outage or version.update_refused,
    )
