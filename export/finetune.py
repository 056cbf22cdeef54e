"""`python -m export.finetune DIR --name NAME`: teach a trained network the classes of a folder, and publish it.

Exit codes: 0 success; 1 the training cannot go on; 2 the command cannot run; 3 this machine lacks what a format needs;
130 stopped by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import torch
import typer

from clips.cpu_quota import usable_cores
from export.command_line import FormatsOption, StoreOption
from export.errors import ExportError, FormatUnavailable
from export.formats.catalogue import ExportRequest, select_formats
from export.progress import progress_to
from export.publishing.publish import check_name, next_version, publish
from export.start_model import ORIGIN, find_start
from service.backends.base import BackendError, one_line
from service.store.manifest import Manifest
from service.store.model_store import StoreError
from training.checkpoints.checkpoint import load_checkpoint
from training.command_line import FollowLinksOption, GroupOption, IgnoreOption, ValShareOption
from training.errors import BadInput, Stopped
from training.files import replace_json
from training.finetune.budget import BudgetLimits
from training.finetune.clips_given import ClipsGiven
from training.finetune.cross_validation import FIGURES_FILE, FoldRun, Folds, folds_at_a_time, measure_folds
from training.finetune.defaults import MINUTES, VAL_SHARE
from training.finetune.listeners.events import CrossValidated, Failed, Listener, Note, Published, Stage
from training.finetune.listeners.json_lines import JsonLines
from training.finetune.listeners.terminal import Terminal
from training.finetune.preparation import prepare_folds, prepare_run
from training.finetune.run import Run, measure_run, open_run, train_run
from training.finetune.wishes import Wishes

FORMATS = "onnx,onnx-int8"
OPTIONAL = ("onnx-int8",)
"""Left out, with a note, where it differs too much: with few clips to judge by, one clip decides."""

INTERRUPTED = 130


def main(
    source: Annotated[
        Path, typer.Argument(metavar="DIR|CSV", help="Folder of <class>/ or {train,val}/<class>/, or a CSV file.")
    ],
    name: Annotated[str, typer.Option(help="Name of the model in the store.", show_default=False)],
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Start: NAME or NAME/VERSION of the store, a file, or a name of `tin zoo list`.",
            show_default="the store's first model",
            envvar="TIN_DEFAULT_MODEL",
        ),
    ] = None,
    store: StoreOption = Path("model_store"),
    work_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run.", show_default="work-dirs/NAME-<next version>")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="Limit of the training time.")] = MINUTES,
    side: Annotated[
        int | None, typer.Option(min=32, max=512, help="Side of the input in pixels.", show_default="by the clips")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs.", show_default="by the clips")] = None,
    mirror: Annotated[
        bool | None,
        typer.Option(
            "--mirror/--no-mirror",
            help="Mirror clips at random: left and right mean the same.",
            show_default="by the clips",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of split, weights and data.")] = 0,
    val_share: ValShareOption = VAL_SHARE,
    group: GroupOption = None,
    ignore: IgnoreOption = None,
    follow_links: FollowLinksOption = False,
    cross_validate: Annotated[
        int | None,
        typer.Option(min=2, metavar="K", help="Measure only: train K models, each without a part of the clips."),
    ] = None,
    folds: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Measure only: train a model without each value of a column."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch.")] = False,
    formats: FormatsOption = FORMATS,
    no_publish: Annotated[bool, typer.Option("--no-publish", help="Stop after the report.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print events as lines of JSON, for programs.")] = False,
) -> None:
    """Teach a model your own actions: train it on labelled clips, measure it, and publish it to the store.

    Side and epochs are chosen from the clips and the time limit. Ctrl-C keeps the checkpoint so far.
    --cross-validate and --folds measure how well models do on clips that they did not see, and publish none.
    """
    listener = JsonLines() if json else Terminal()
    wanted = formats.split(",")
    with _failures_told_to(listener):
        check_name("model", name)
        select_formats(wanted)
        wishes = Wishes(name, BudgetLimits(minutes, side, epochs), val_share, seed, mirror, _threads())
        torch.set_num_threads(wishes.threads)
        given = ClipsGiven(source, _groups(group, folds, cross_validate), tuple(ignore or ()), follow_links)
        if cross_validate or folds:
            folder = work_dir or Path("work-dirs", f"{name}-folds")
            runs = prepare_folds(
                given, find_start(start, store), wishes, Folds(cross_validate), folder, listener, resume=resume
            )
            _cross_validate(runs, wishes.threads, folder, listener)
        else:
            folder = work_dir or Path("work-dirs", f"{name}-{next_version(store, name)}")
            run = open_run(folder) if resume else prepare_run(given, find_start(start, store), wishes, folder, listener)
            _teach(run, name, None if no_publish else store, wanted, listener)


def _groups(group: str | None, folds: str | None, count: int | None) -> str | None:
    """Return the column of groups: that of the folds, if there is one. Raises ExportError for a contradiction."""
    if count and folds:
        raise ExportError("--cross-validate and --folds are both given; leave one of them out")
    if folds and group not in (None, folds):
        raise ExportError(f"--folds {folds} keeps each {folds} together; leave out --group {group}")
    return folds or group


def _cross_validate(runs: Sequence[FoldRun], threads: int, folder: Path, listener: Listener) -> None:
    """Train and measure the run of each fold, as many at a time as share the threads; write and tell of the figures."""
    measured = measure_folds(runs, folds_at_a_time(runs, threads), listener)
    replace_json(folder / FIGURES_FILE, measured.to_json())
    for line in measured.confusion_lines():
        listener.tell(Note(line))
    listener.tell(CrossValidated(len(runs), measured.mean, measured.spread, str(folder / FIGURES_FILE)))


def _teach(run: Run, name: str, store: Path | None, formats: Sequence[str], listener: Listener) -> None:
    """Train a run, measure it, and publish it under a name to the store, if there is one."""
    began = time.monotonic()
    _train(run, listener)
    measured = measure_run(run, listener)
    listener.tell(Note(f"{measured.accuracy:.1%} of the validation clips right; report: {measured.report}"))
    if store:
        manifest = _publish(run, name, store, formats, listener)
        seconds = round(time.monotonic() - began)
        listener.tell(Published(name, manifest.version, measured.accuracy, str(measured.report), seconds))


def _train(run: Run, listener: Listener) -> None:
    listener.tell(Stage("train", f"training from {run.settings.start} in {run.folder}"))
    try:
        train_run(run, listener)
    except KeyboardInterrupt:
        listener.tell(Note(_how_to_go_on(run)))
        raise


def _how_to_go_on(run: Run) -> str:
    again = "the same command with --resume goes on"
    if not run.result.exists():
        return f"no epoch is finished yet; {again}"
    publishing = f"tin export {run.result} --name {run.recipe.name} --formats {FORMATS} --videos {run.videos}"
    return f"the checkpoint so far is {run.result}; {again}, and `{publishing}` publishes it as it is"


def _publish(run: Run, name: str, store: Path, formats: Sequence[str], listener: Listener) -> Manifest:
    """Export the resulting checkpoint with its proofs and publish it as the next version."""
    checkpoint = load_checkpoint(run.result)
    training = checkpoint.training | {ORIGIN: run.settings.start}
    request = ExportRequest(name, "", dataclasses.replace(checkpoint, training=training), run.videos)
    listener.tell(Stage("export", f"exporting to {', '.join(formats)}"))
    with progress_to(lambda text: listener.tell(Stage("export", text)), lambda text: listener.tell(Note(text))):
        manifest = publish(request, store, formats, optional=OPTIONAL)
    listener.tell(Stage("publish", f"{store / name / manifest.version}"))
    return manifest


def _threads() -> int:
    """Return torch's threads: its own choice, which OMP_NUM_THREADS changes, within the container's quota."""
    return min(torch.get_num_threads(), usable_cores())


@contextmanager
def _failures_told_to(listener: Listener) -> Iterator[None]:
    """Tell of an expected error as an event, and end the command with its exit code."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        _give_up(listener, "stopped", INTERRUPTED)
    except Stopped as error:
        _give_up(listener, one_line(error), 1)
    except (BadInput, ExportError, StoreError, BackendError, OSError) as error:
        _give_up(listener, one_line(error), 3 if isinstance(error, FormatUnavailable) else 2)
    finally:
        signal.signal(signal.SIGTERM, before)


def _give_up(listener: Listener, text: str, exit_code: int) -> NoReturn:
    listener.tell(Failed(text))
    raise typer.Exit(exit_code) from None


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(main)
