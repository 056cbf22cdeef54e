"""What the commands print: tables for people, JSON lines for programs, errors on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from service.api.schemas.predict import ModelStatus, PredictionResponse, Stability
from service.batch.results import Failed, Result
from service.batch.results_file import ResultsFile, as_line
from service.doctor.check import Finding

SECONDS_BETWEEN_LINES = 60.0

_BAR_CELLS = 24
_COLOURS = {"ok": "green", "failed": "red", "skipped": "yellow"}

T = TypeVar("T")


def print_prediction(file: str, response: PredictionResponse) -> None:
    """One table: the actions with their probabilities as numbers and bars. Below it, how stable they are."""
    clip, model = response.clip, response.model
    table = Table(box=box.SIMPLE_HEAD, title_justify="left", caption_justify="left", show_edge=False)
    table.title = f"[bold]{escape(_printable(file))}[/]"
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
def progress(outcomes: Iterator[T], total: int, *, breaks_up_stdout: bool = False) -> Iterator[Iterator[T]]:
    """The same, one by one; on stderr a bar on a terminal, and a line a minute elsewhere, say how far they are.

    There is none for a single one, and no bar where it would break up lines that go to the same terminal.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console, to_terminal = _stderr(), sys.stdout.isatty()
    if not console.is_terminal:
        yield _told_each_minute(outcomes, total)
        return
    is_hidden = total < 2 or (breaks_up_stdout and to_terminal)
    with Progress(*columns, console=console, transient=True, redirect_stdout=to_terminal, disable=is_hidden) as bar:
        yield iter(bar.track(outcomes, total=total, description="predicting"))


def _told_each_minute(outcomes: Iterator[T], total: int) -> Iterator[T]:
    started = told = time.monotonic()
    for done, outcome in enumerate(outcomes, start=1):
        yield outcome
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES:
            told, rate = now, done / (now - started)
            print_note(f"{done:,} of {total:,}, {rate:.3g} a second, {(total - done) / rate / 60:.0f} minutes to go")


def print_outcome(outcome: Result, as_json: bool) -> bool:
    """An answer as a table or a line of JSON on stdout, a failure on stderr; whether it is an answer."""
    if isinstance(outcome, Failed):
        return print_failure(outcome)
    if as_json:
        sys.stdout.flush()
        sys.stdout.buffer.write(as_line(outcome))
        sys.stdout.flush()
    else:
        print_prediction(outcome.file, outcome.response)
    return True


def print_failure(failed: Failed) -> bool:
    """As `print_error`."""
    return print_error(f"{failed.file}: {failed.reason}")


def print_totals(out: Path, videos: Set[str], answers: ResultsFile) -> None:
    """One line on stderr: how far all of the videos are, in this run and those before it."""
    answered, unanswerable = len(videos & answers.answered), len(videos & answers.unanswerable)
    never = f", {unanswerable:,} never will be" if unanswerable else ""
    print_note(f"{out}: {answered:,} of {len(videos):,} videos are answered{never}")


def print_json(response: BaseModel) -> None:
    """One line of JSON."""
    sys.stdout.write(f"{json.dumps(response.model_dump(exclude_none=True), ensure_ascii=False)}\n")
    sys.stdout.flush()


def print_note(message: str) -> None:
    """One line on stderr."""
    _stderr().print(escape(message), highlight=False, soft_wrap=True)


def print_error(message: str) -> bool:
    """One line on stderr. Always False: nothing came of it."""
    _stderr().print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return False


def _printable(name: str) -> str:
    """A name that is no UTF-8, with escapes for what is not."""
    return name.encode("utf-8", "backslashreplace").decode()


def _stdout() -> Console:
    return Console(highlight=False)


def _stderr() -> Console:
    return Console(stderr=True)
