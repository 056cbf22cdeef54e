"""Command `python -m export.reexport`: rebuild every stale artifact of a model store.

Exit codes: 0 success; 1 a format of a version failed; 2 the command cannot run.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from export.command_line import AcceptOption, FormatsOption, StoreOption, VideosOption, give_up
from export.errors import ExportError
from export.formats.catalogue import BASE, select_formats
from export.progress import progress_on_stderr
from export.publishing.rebuild import RebuildResult, RebuildTask, check_formats, rebuild
from export.publishing.sidecars import update_sidecars
from service.backends.base import one_line
from service.store.model_store import ModelStore, StoreError

COLOUR = {"fresh": "dim", "stale": "yellow", "rebuilt": "green", "failed": "red"}


def main(
    old_store: Annotated[Path | None, typer.Argument(hidden=True)] = None,
    store: StoreOption = Path("model_store"),
    formats: FormatsOption = BASE,
    jobs: Annotated[int, typer.Option(min=1, help="Number of versions to rebuild at the same time.")] = 1,
    videos: VideosOption = None,
    accept: AcceptOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the stale artifacts, with reasons.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the results to this file, as JSON.")] = None,
) -> None:
    """Rebuild the artifacts that are missing, damaged, or whose checkpoint, code, libraries or options changed.

    Each version is replaced atomically: the store may be served meanwhile, and the command interrupted at any time.
    """
    store = old_store or store  # the store was an argument before it was an option
    wanted = tuple(formats.split(","))
    try:
        select_formats(wanted)
    except ExportError as error:
        give_up(error)
    tasks = [
        RebuildTask(store, name, version, wanted, videos, accept, dry_run)
        for name, versions in ModelStore(store).versions().items()
        for version in versions
    ]
    if not tasks:
        give_up(ExportError(f"no model in {store}: expected <name>/<version>/manifest.json; name the store by --store"))
    if not dry_run:
        _refuse_at_once(tasks)
    results = _run(tasks, jobs)
    if not dry_run:
        results += list(_update_all_sidecars(store, wanted))
    _print(results)
    if report:
        report.write_text(json.dumps([dataclasses.asdict(result) for result in results], indent=2) + "\n")
    raise typer.Exit(1 if any(result.status == "failed" for result in results) else 0)


def _refuse_at_once(tasks: list[RebuildTask]) -> None:
    """End the command if it is known now that a format of a version cannot be made here."""
    try:
        for task in tasks:
            check_formats(task)
    except ExportError as error:
        give_up(error)


def _run(tasks: list[RebuildTask], jobs: int) -> list[RebuildResult]:
    """Return all results, in the order of the tasks."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    shown = Progress(*columns, console=console, disable=not console.is_terminal)
    with shown as progress, ThreadPoolExecutor(jobs) as threads:
        bar = progress.add_task("versions", total=len(tasks))
        running = {threads.submit(_rebuild_in_process, task): task for task in tasks}
        for future in as_completed(running):
            task = running[future]
            progress.update(bar, advance=1, description=f"{task.name} {task.version}")
        return [result for future in running for result in future.result()]


def _rebuild_in_process(task: RebuildTask) -> list[RebuildResult]:
    # A process per version: if the system kills one for its memory, the other versions go on.
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            return process.submit(_rebuild, task).result()
    except BrokenProcessPool:
        reason, formats = "its process was killed, perhaps for lack of memory", select_formats(task.formats)
        return [RebuildResult(task.name, task.version, fmt.name, "failed", reason) for fmt in formats]


def _rebuild(task: RebuildTask) -> list[RebuildResult]:
    # On a terminal the bar of all versions is shown instead.
    with nullcontext() if sys.stderr.isatty() else progress_on_stderr(f"{task.name} {task.version}: "):
        return rebuild(task)


def _update_all_sidecars(store: Path, formats: tuple[str, ...]) -> Iterator[RebuildResult]:
    for name in ModelStore(store).versions():
        try:
            update_sidecars(store, name, formats)
        except (ExportError, StoreError, OSError) as error:
            yield RebuildResult(name, "all", "triton", "failed", one_line(error))


def _print(results: list[RebuildResult]) -> None:
    table = Table("model", "version", "format", "", "why", "s")
    for result in results:
        status = f"[{COLOUR[result.status]}]{result.status}[/]"
        seconds = f"{result.seconds:.1f}" if result.seconds else ""
        table.add_row(result.name, result.version, result.format, status, result.reason, seconds)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
