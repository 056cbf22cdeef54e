"""Size of an installation, by distribution: what pip wrote for each, bytecode included."""

from __future__ import annotations

import importlib.metadata
import sysconfig
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

OTHER = "bytecode, and what no distribution lists"


def megabytes_by_distribution(environment: Path) -> dict[str, float]:
    """Return megabytes (10^6 bytes) for each distribution of a virtual environment, the largest first."""
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    sizes: Counter[str] = Counter({OTHER: _size(site.rglob("*"))})
    for distribution in importlib.metadata.distributions(path=[str(site)]):
        size = _size(Path(str(file.locate())) for file in distribution.files or () if ".." not in file.parts)
        sizes[distribution.name] = size
        sizes[OTHER] -= size
    return {name: round(size / 1e6, 1) for name, size in sizes.most_common()}


def _size(files: Iterable[Path]) -> int:
    return sum(file.lstat().st_size for file in files if file.is_file())
