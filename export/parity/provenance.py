"""Provenance of an artifact: digests and versions of its sources, which show if it is fresh without making it again."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (
    "export/graph",
    "export/formats",
    "export/tensorrt_plugin",
    "export/parity",
    "export/precision.py",
    "service/backends/contract.py",
    "training/model/interlace.py",
    "training/model/interlace_ops.py",
    "training/model/tin.py",
    "clips/transforms.py",
    "clips/clip_spec.py",
)
"""The code that decides an artifact's bytes or its parity report."""
NOT_DECIDING = {"torchserve_runner.py", "provenance.py"}
"""Files of SOURCES that only run artifacts or describe them."""


def made_from(checkpoint_sha256: str, libraries: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Return an artifact's sources by name: checkpoint, exporter's code, versions of libraries, options."""
    versions = {library: _version(library) for library in libraries}
    return {"checkpoint": checkpoint_sha256, "exporter": exporter_digest(), **versions, **options}


def why_stale(recorded: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the differences between recorded and present sources as text; empty for a fresh artifact.

    >>> why_stale({"torch": "2.12.0"}, {"torch": "2.13.0"})
    'torch was 2.12.0, is 2.13.0'
    """
    return "; ".join(
        _change(name, recorded.get(name), now.get(name))
        for name in sorted({*recorded, *now})
        if recorded.get(name) != now.get(name)
    )


@functools.cache
def exporter_digest() -> str:
    """Return the SHA-256 over the exporter's source files, in the order of their paths, in hex."""
    digest = hashlib.sha256()
    for source in SOURCES:
        path = ROOT / source
        files = [path] if path.is_file() else sorted([*path.rglob("*.py"), *path.rglob("*.cu")])
        for file in files:
            if file.name not in NOT_DECIDING:
                digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def _change(name: str, was: str | None, now: str | None) -> str:
    if name in {"checkpoint", "exporter"} and was is not None:
        return f"the {name} changed"
    return f"{name} was {was or 'not recorded'}, is {now or 'not used'}"
