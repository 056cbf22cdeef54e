"""Output of the commands: tables for people, JSON lines for programs, errors on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from service.api.schemas.predict import Action, ModelStatus, PredictionResponse, Stability
from service.api.schemas.timeline import ClipRow, SegmentOfClip, TimelineRow
from service.batch.results.result import Failed, Result
from service.batch.results.results_file import ResultsFile, fields_of
from service.batch.timelines.answer import TimelineAnswer, TimelineResult
from service.doctor.check import Finding
from service.store.addresses import name_of

SECONDS_BETWEEN_LINES = 60.0
MOST_NAMES_SHOWN = 5

_BAR_CELLS = 24
_CELLS_BESIDES = 24
"""Cells of a row beside its label and bar: rank, probability and the gaps."""
_COLOURS = {"ok": "green", "ready": "green", "skipped": "yellow", "unloaded": "yellow", "warning": "yellow"}

T = TypeVar("T")


def print_prediction(file: str, response: PredictionResponse) -> None:
    """Print a table of the actions, with their probabilities as numbers and bars; below it, how stable they are.

    An answer that is not likely says so above its actions.
    """
    clip, model = response.clip, response.model
    table = Table(box=box.SIMPLE_HEAD, title_justify="left", caption_justify="left", show_edge=False)
    table.title = f"[bold]{escape(_printable(file))}[/]{_doubt(response)}"
    table.caption = (
        f"{clip.codec} {clip.width}x{clip.height}, {clip.frames} frames, {clip.duration_seconds:.1f} s; "
        f"{escape(model.name)} {escape(model.version)}; {response.timing_ms.total:.0f} ms"
    )
    _add_actions(table, response.predictions, "dim" if response.likely is False else "cyan")
    _stdout().print(table, "")
    if response.stability:
        _stdout().print(_stability_table(response.stability), "")


def print_timeline(file: str, answer: TimelineAnswer) -> None:
    """Print a table of the segments; below it the video, the windows, and the speed in times real time."""
    _stdout().print(_timeline_table(file, answer), _timeline_facts(answer), "")


def print_rows(file: str, rows: Iterator[TimelineRow]) -> Iterator[TimelineRow]:
    """Print each row of a timeline as a line of JSON that begins with the file, and pass it on."""
    for row in rows:
        _print_json({"file": file, **row.model_dump(exclude_none=True)})
        yield row


def watch_windows(file: str, rows: Iterator[TimelineRow]) -> Iterator[TimelineRow]:
    """Pass the rows of a timeline on and show on stderr how many windows are done, as `progress` does."""
    clip = next(rows)
    assert isinstance(clip, ClipRow)
    yield clip
    with progress(rows, clip.num_windows + 1, description=Path(file).name) as shown:
        yield from shown


def watch_drawing(shares: Iterator[float], num_frames: int) -> None:
    """Show on stderr how many frames of a video are drawn, as `progress` does, to the end."""
    with progress(shares, num_frames, description="drawing") as shown:
        for _ in shown:
            pass


def print_models(statuses: Sequence[ModelStatus], as_json: bool) -> None:
    """Print a row for every version with its status, and the policy where it is the default; reasons go to stderr."""
    if as_json:
        print_json_lines(statuses)
        return
    table = _table("model", "version", "status", "default", "classes", "runs", "digest")
    for status in statuses:
        classes = str(len(status.labels)) if status.labels else ""
        digest = (status.digest or "").removeprefix("sha256:")[:12]
        name, version, default = escape(status.name), escape(status.version), status.policy if status.is_default else ""
        table.add_row(name, version, _coloured(status.status), default, classes, status.artifact or "", digest)
    _stdout().print(table)
    for status in statuses:
        if status.reason:
            print_error(f"{status.name} {status.version}: {status.reason}")
    for name, reason in {status.name: status.policy_refused for status in statuses}.items():
        if reason:
            print_error(f"the policy of model {name} is not followed: {reason}")


def print_findings(findings: Sequence[Finding], as_json: bool) -> None:
    """Print a row for each check of the doctor, and below one that failed or warned its advice."""
    if as_json:
        print_json_lines(findings)
        return
    table = _table("check", "status", "found")
    for finding in findings:
        table.add_row(escape(finding.check), _coloured(finding.status), escape(finding.found))
        if finding.advice:
            table.add_row("", "", f"[bold]to do:[/] {escape(finding.advice)}")
    _stdout().print(table)


def print_result(result: Result, as_json: bool) -> bool:
    """Print an answer on stdout, as a table or a line of JSON, or a failure on stderr. Return True for an answer."""
    if isinstance(result, Failed):
        print_failure(result)
        return False
    if as_json:
        _print_json(fields_of(result))
    else:
        print_prediction(result.file, result.response)
    return True


def print_timeline_result(result: TimelineResult, as_json: bool) -> bool:
    """Print a timeline as a table, unless its rows were printed as JSON, or a failure. Return True for a timeline."""
    if isinstance(result, Failed):
        print_failure(result)
        return False
    if not as_json:
        print_timeline(result.file, result.response)
    return True


def print_failure(failed: Failed) -> None:
    """Print a video's failure as an error."""
    print_error(f"{failed.file}: {failed.reason}")


def print_passed_over(files: Sequence[Path]) -> None:
    """Print on stderr the number and the first names of files that were not taken for videos; nothing for none."""
    if files:
        kind = "1 file that is" if len(files) == 1 else f"{len(files):,} files that are"
        names = ", ".join(file.name for file in files[:MOST_NAMES_SHOWN])
        more = ", ..." if len(files) > MOST_NAMES_SHOWN else ""
        print_note(f"passed over {kind} not named as videos: {names}{more}")


def print_totals(out: Path, videos: Set[str], answers: ResultsFile) -> None:
    """Print on stderr the number of videos that are answered, by this run and those before it."""
    answered, unanswerable = len(videos & answers.answered), len(videos & answers.unanswerable)
    never = f", {unanswerable:,} never will be" if unanswerable else ""
    print_note(f"{name_of(out)}: {answered:,} of {len(videos):,} videos are answered{never}")


def print_json_lines(rows: Iterable[BaseModel]) -> None:
    """Print a line of JSON for each row; fields that are None are left out."""
    for row in rows:
        _print_json(row.model_dump(exclude_none=True))


def _print_json(fields: dict[str, Any]) -> None:
    # a name that is not UTF-8 has surrogates; the codec escapes them just as JSON does
    line = json.dumps(fields, ensure_ascii=False).encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()


def print_markdown(text: str) -> None:
    """Print Markdown as a page of a terminal."""
    _stdout().print(Markdown(text))


def print_note(message: str) -> None:
    """Print one line on stderr."""
    _stderr().print(escape(message), highlight=False, soft_wrap=True)


def print_error(message: str) -> None:
    """Print one line on stderr that begins with "error:"."""
    _stderr().print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """Show on a terminal's stderr what is in work, as it is set; the line is removed at the end."""
    with _stderr().status("") as status:
        yield lambda in_work: status.update(escape(in_work))


@contextmanager
def progress(
    results: Iterator[T], total: int, *, breaks_up_stdout: bool = False, description: str = "predicting"
) -> Iterator[Iterator[T]]:
    """Pass the results on and show on stderr how many there are: a bar on a terminal, elsewhere a line a minute.

    Args:
        results: To pass on, one by one.
        total: Their number; no bar is shown for a single one.
        breaks_up_stdout: Lines are printed meanwhile that a bar on the same terminal would break up: show none there.
        description: Stands before the bar.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console, to_terminal = _stderr(), sys.stdout.isatty()
    if not console.is_terminal:
        yield _noted_each_minute(results, total)
        return
    is_hidden = total < 2 or (breaks_up_stdout and to_terminal)
    with Progress(*columns, console=console, transient=True, redirect_stdout=to_terminal, disable=is_hidden) as bar:
        yield iter(bar.track(results, total=total, description=escape(_printable(description))))


def _noted_each_minute(results: Iterator[T], total: int) -> Iterator[T]:
    started = noted = time.monotonic()
    for done, result in enumerate(results, start=1):
        yield result
        now = time.monotonic()
        if now - noted >= SECONDS_BETWEEN_LINES:
            noted, rate = now, done / (now - started)
            print_note(f"{done:,} of {total:,}, {rate:.3g} a second, {(total - done) / rate / 60:.0f} minutes to go")


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, and hours from the first on.

    >>> clock(65.52), clock(7265.0)
    ('1:05.5', '2:01:05.0')
    """
    tenths = round(seconds * 10)
    minutes, hours = tenths // 600 % 60, tenths // 36000
    rest = f"{tenths % 600 // 10:02}.{tenths % 10}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"


def _doubt(response: PredictionResponse) -> str:
    return "\n[yellow]none of the motions this model knows; the nearest:[/]" if response.likely is False else ""


def _add_actions(table: Table, actions: Sequence[Action], colour: str) -> None:
    """Add a row for each action. A long label takes its room from the bars; what is wider than the page wraps."""
    widest = max(cell_len(action.label) for action in actions)
    bar_cells = max(0, min(_BAR_CELLS, _stdout().width - _CELLS_BESIDES - widest))
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("action", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    if bar_cells:
        table.add_column("", no_wrap=True)
    for action in actions:
        bar = [f"[{colour}]{'█' * round(action.probability * bar_cells)}[/]"] if bar_cells else []
        table.add_row(str(action.rank), escape(action.label), f"{action.probability:.1%}", *bar)


def _timeline_facts(row: TimelineAnswer) -> str:
    clip, model = row.clip, row.model
    return (
        f"{clip.codec} {clip.width}x{clip.height}, {clip.frames} frames, {clip.duration_seconds:.1f} s; "
        f"{row.num_windows} windows of {row.window_seconds:g} s, one every {row.step_seconds:g} s; "
        f"{escape(model.name)} {escape(model.version)}; "
        f"{row.timing_ms.total:.0f} ms, x {row.times_real_time:.3g} real time"
    )


def _timeline_table(file: str, row: TimelineAnswer) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title_justify="left", show_edge=False)
    table.title = f"[bold]{escape(_printable(file))}[/]"
    for heading in ("from", "to"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("action", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    for segment in row.segments:
        begin, end = clock(segment.start_seconds), clock(segment.end_seconds)
        table.add_row(begin, end, _named(segment), f"{segment.probability:.1%}")
    return table


def _named(segment: SegmentOfClip) -> str:
    if segment.label is None:
        return "[dim]nothing named[/]"
    return escape(segment.label) + (" [yellow](not likely)[/]" if segment.likely is False else "")


def _stability_table(stability: Stability) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("frames")
    table.add_column("action", overflow="fold")
    table.add_column("probability", justify="right")
    table.add_column("moved", justify="right")
    table.add_column("the answer")
    is_stable = "is stable" if stability.is_stable else "[yellow]is not stable[/]"
    on_order = "depends on order" if stability.depends_on_order else "[yellow]does not depend on order[/]"
    rows = (
        ("half a segment later", stability.shifted.predictions[0], stability.shift, is_stable),
        ("in reverse order", stability.reversed.predictions[0], stability.reversal, on_order),
    )
    for frames, action, moved, verdict in rows:
        table.add_row(frames, escape(action.label), f"{action.probability:.1%}", f"{moved:.1%}", verdict)
    return table


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _coloured(status: str) -> str:
    return f"[{_COLOURS.get(status, 'red')}]{status}[/]"


def _printable(name: str) -> str:
    """Escape the bytes of a file name that are not UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def _stdout() -> Console:
    return Console(highlight=False)


def _stderr() -> Console:
    return Console(stderr=True)
