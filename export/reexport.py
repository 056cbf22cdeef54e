"""`python -m export.reexport STORE`: every model and version of a store is brought up to date, as make would.

Exit codes: 0 all well; 1 a format of a version failed; 2 the command cannot do its work at all.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from export.errors import ExportError
from export.formats.catalogue import BASE, NAMES, named
from export.publishing.rebuild import RebuildResult, Task, refresh
from export.publishing.sidecars import show_to_others
from service.store.model_store import ModelStore, StoreError

COLOUR = {"fresh": "dim", "stale": "yellow", "rebuilt": "green", "failed": "red"}


def main(
    store: Annotated[Path, typer.Argument(help="The model store.", show_default=False)],
    formats: Annotated[str, typer.Option(help=f"Any of {', '.join(NAMES)}, with commas between.")] = BASE,
    jobs: Annotated[int, typer.Option(min=1, help="How many versions to work on at the same time.")] = 1,
    videos: Annotated[Path | None, typer.Option(help="Videos to calibrate int8 on.", show_default="rendered")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Publish int8 even if it agrees too seldom.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be rebuilt, and why.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the outcomes to this file, as JSON.")] = None,
) -> None:
    """Rebuild the artifacts that are missing, damaged, or were made from something else than they would be now.

    Each version is replaced in one step, so this may run while the store is served; it may be interrupted at any time.
    """
    wanted = tuple(formats.split(","))
    try:
        named(wanted)
        tasks = [
            Task(store, name, version, wanted, videos, accept, dry_run)
            for name, versions in ModelStore(store).versions().items()
            for version in versions
        ]
    except ExportError as error:
        _give_up(str(error))
    if not tasks:
        _give_up(f"there is no model in {store}; a model is <name>/<version>/manifest.json in it")
    outcomes = _run(tasks, jobs)
    if not dry_run:
        outcomes += list(_show_all_to_others(store, wanted))
    _print(outcomes)
    if report:
        report.write_text(json.dumps([dataclasses.asdict(outcome) for outcome in outcomes], indent=2) + "\n")
    raise typer.Exit(1 if any(outcome.status == "failed" for outcome in outcomes) else 0)


def _run(tasks: list[Task], jobs: int) -> list[RebuildResult]:
    """All outcomes, in the order of the tasks."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress, ThreadPoolExecutor(jobs) as threads:
        bar = progress.add_task("versions", total=len(tasks))
        running = {threads.submit(_refresh_apart, task): task for task in tasks}
        for future in as_completed(running):
            task = running[future]
            progress.update(bar, advance=1, description=f"{task.name} {task.version}")
        return [outcome for future in running for outcome in future.result()]


def _refresh_apart(task: Task) -> list[RebuildResult]:
    """In a process of its own: one that the system kills takes no other version with it."""
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            return process.submit(refresh, task).result()
    except BrokenProcessPool:
        reason = "its process was killed, perhaps for lack of memory"
        return [RebuildResult(task.name, task.version, form.name, "failed", reason) for form in named(task.formats)]


def _show_all_to_others(store: Path, formats: tuple[str, ...]) -> Iterator[RebuildResult]:
    for name in ModelStore(store).versions():
        try:
            show_to_others(store, name, formats)
        except (ExportError, StoreError, OSError) as error:
            yield RebuildResult(name, "all", "triton", "failed", " ".join(str(error).split()))


def _print(outcomes: list[RebuildResult]) -> None:
    table = Table("model", "version", "format", "", "why", "s")
    for outcome in outcomes:
        status = f"[{COLOUR[outcome.status]}]{outcome.status}[/]"
        seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
        table.add_row(outcome.name, outcome.version, outcome.format, status, outcome.reason, seconds)
    Console().print(table)


def _give_up(message: str) -> None:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    typer.run(main)
