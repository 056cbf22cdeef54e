"""What the commands print: tables for people, JSON lines for programs, errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from service.check import Finding
from service.schemas import ModelStatus, PredictionResponse, Stability

_BAR_CELLS = 24
_COLOURS = {"ok": "green", "failed": "red", "skipped": "yellow"}


def print_prediction(file: Path, response: PredictionResponse) -> None:
    """One table: the actions with their probabilities as numbers and bars. Below it, how stable they are."""
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
    if response.stability:
        _stdout().print(_stability_table(response.stability), "")


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


def print_findings(findings: Sequence[Finding]) -> None:
    """One table: a row for each check, and below a failed one what to do."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("check", "status", "found"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        colour = _COLOURS[finding.status]
        table.add_row(escape(finding.check), f"[{colour}]{finding.status}[/]", escape(finding.found))
        if finding.advice:
            table.add_row("", "", f"[bold]to do:[/] {escape(finding.advice)}")
    _stdout().print(table)


def _stability_table(stability: Stability) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("the model sees")
    table.add_column("action")
    table.add_column("probability", justify="right")
    table.add_column("moved", justify="right")
    table.add_column("the answer")
    is_stable = "is stable" if stability.is_stable else "[yellow]is not stable[/]"
    on_order = "depends on order" if stability.depends_on_order else "[yellow]does not depend on order[/]"
    rows = (
        ("other frames", stability.shifted.predictions[0], stability.shift, is_stable),
        ("reverse order", stability.reversed.predictions[0], stability.reversal, on_order),
    )
    for seen, action, moved, verdict in rows:
        table.add_row(seen, escape(action.label), f"{action.probability:.1%}", f"{moved:.1%}", verdict)
    return table


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """On a terminal, a line on stderr that tells what is being done; it is gone afterwards."""
    with _stderr().status("") as status:
        yield lambda doing: status.update(escape(doing))


@contextmanager
def progress(videos: Sequence[Path], as_json: bool) -> Iterator[Iterator[Path]]:
    """The videos one by one, and on a terminal a bar on stderr that says how far they are.

    There is none for a single video, and none where lines of JSON go to the terminal, which a bar would break up.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console, to_terminal = _stderr(), sys.stdout.isatty()
    is_hidden = not console.is_terminal or len(videos) < 2 or (as_json and to_terminal)
    with Progress(*columns, console=console, transient=True, redirect_stdout=to_terminal, disable=is_hidden) as bar:
        yield iter(bar.track(videos, description="predicting"))


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
