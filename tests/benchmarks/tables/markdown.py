"""Markdown tables: a heading and rows of cells as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, a line for each row.

    | fruit | |
    |---|---|
    | apple | red |
    """
    lines = [_line(heading), "|" + "---|" * len(heading), *map(_line, rows)]
    return "\n".join(lines)


def percent(share: float) -> str:
    """Return a share in percent, to a tenth: `91.7 %`."""
    return f"{share:.1%}".replace("%", " %")


def _line(cells: Sequence[str]) -> str:
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"
