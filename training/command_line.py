"""Command-line options that the commands for clips of one's own share."""

from __future__ import annotations

from typing import Annotated

import typer

ValShareOption = Annotated[float, typer.Option(min=0, max=1, help="Share of each class for validation.")]
GroupOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of groups, kept together.", show_default="group")
]
IgnoreOption = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="Column to leave out; repeatable.", show_default=False)
]
FollowLinksOption = Annotated[bool, typer.Option("--follow-links", help="Take files outside that links lead to.")]
