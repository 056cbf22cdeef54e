"""Table of `make smoke`: how long each image takes to build, to be ready and to stop, and its size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.benchmarks.tables.markdown import table


def images(results: Mapping[str, Any]) -> str:
    """Return a row for each time and size."""
    return table(("", f"{results['cores']} cores, {results['date']}"), _rows(results))


def _rows(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "checks", f"{results['checks']}, {results['failures'] or 'none'} failed"
    for name, seconds in results["seconds"].items():
        yield name, f"{seconds:.1f} s"
    for image, megabytes in results["megabytes"].items():
        yield f"{image}: size above the base image", f"{megabytes} MB"
