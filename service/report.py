"""What the commands print: tables for people, JSON lines for programs, errors on stderr."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.schemas import ModelStatus, PredictionResponse

_BAR_CELLS = 24


def print_prediction(file: Path, response: PredictionResponse) -> None:
    """One table: the actions with their probabilities as numbers and bars."""
    clip, model = response.clip, response.model
    table = Table(box=box.SIMPLE_HEAD, title_justify="left", caption_justify="left", show_edge=False)
    table.title = f"[bold]{escape(str(file))}[/]"
    table.caption = (
        f"{clip.codec} {clip.width}x{clip.height}, {clip.frames} frames, {clip.duration_seconds:.1f} s; "
        f"{escape(model.name)} {escape(model.version)}; {response.timing_ms.total:.0f} ms"
    )
    table.add_column("", justify="right")
    table.add_column("action")
    table.add_column("probability", justify="right")
    table.add_column("")
    for action in response.predictions:
        bar = "█" * round(action.probability * _BAR_CELLS)
        table.add_row(str(action.rank), escape(action.label), f"{action.probability:.1%}", f"[cyan]{bar}[/]")
    _stdout().print(table, "")


def print_models(statuses: list[ModelStatus]) -> None:
    """One table: every version and whether it can be served."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("model", "version", "status", "classes", "runs", "digest"):
        table.add_column(heading)
    for status in statuses:
        colour = "green" if status.status == "ready" else "red"
        classes = str(len(status.labels)) if status.labels else ""
        digest = (status.digest or "").removeprefix("sha256:")[:12]
        state, runs = f"[{colour}]{status.status}[/]", status.artifact or ""
        table.add_row(escape(status.name), escape(status.version), state, classes, runs, digest)
    _stdout().print(table)
    for status in statuses:
        if status.reason:
            print_error(f"{status.name} {status.version}: {status.reason}")


def print_json(response: BaseModel, **more: str) -> None:
    """One line of JSON, `more` first."""
    line = json.dumps({**more, **response.model_dump(exclude_none=True)}, ensure_ascii=False)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def print_error(message: str) -> bool:
    """One line on stderr. Always False: nothing came of it."""
    _stderr().print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return False


def _stdout() -> Console:
    return Console(highlight=False)


def _stderr() -> Console:
    return Console(stderr=True)
