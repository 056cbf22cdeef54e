"""Weights by name: a published checkpoint, a repository of the Hugging Face Hub, or a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.files import sha256_of
from training.zoo.cache import fetch_file
from training.zoo.catalogue import find_published
from training.zoo.data_sets import DataSet
from training.zoo.hub import SCHEME, fetch_from_hub, parse_address

OWN = ".safetensors"
"""Suffix of this project's checkpoints."""


@dataclass(frozen=True)
class Weights:
    """A file of weights on this machine, and its origin."""

    path: Path
    origin: dict[str, Any] = field(default_factory=dict)
    """Additions to the `training` of a checkpoint that is made from it; empty for a file of the user's."""
    data: DataSet | None = None
    """The data set whose classes the head has, where the catalogue knows it."""

    @property
    def is_own(self) -> bool:
        """True for a checkpoint of this project, False for a .pth file."""
        return self.path.suffix == OWN


def find_weights(source: str, cache: Path | None = None, mirror: str | None = None) -> Weights:
    """Return weights by name, downloaded if necessary.

        find_weights("tin_r50_sthv2")
        find_weights("hf://owner/name@v1")
        find_weights("folder/mine.pth")

    Args:
        source: A name of the catalogue, an address of the hub, or a file.
        cache: Download cache; the default one if None.
        mirror: Another host or folder with the catalogue's paths.

    Raises UnknownName, DownloadError and HubError. A file is not opened.
    """
    if source.startswith(SCHEME):
        return _from_hub(source, cache)
    if _is_path(source):
        return Weights(Path(source))
    published = find_published(source)
    path = fetch_file(published.file, cache, mirror)
    origin = {"name": source, **published.describe(), "sha256": sha256_of(path)}
    return Weights(path, {"published": origin}, published.data)


def _from_hub(source: str, cache: Path | None) -> Weights:
    repository = parse_address(source)
    path, commit = fetch_from_hub(repository, cache)
    url = f"{SCHEME}{repository.id}@{commit}"
    return Weights(path, {"fetched_from": {"url": url, "file": path.name, "sha256": sha256_of(path)}})


def _is_path(source: str) -> bool:
    return source.endswith((".pth", OWN)) or "/" in source or Path(source).is_file()
