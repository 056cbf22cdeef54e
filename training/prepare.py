"""`python -m training.prepare {folder,csv,kinetics400,sthv1,sthv2}`: make the training lists of a data set."""

from __future__ import annotations

import os
import shlex
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from training.command_line import FollowLinksOption, GroupOption, IgnoreOption, ValShareOption
from training.errors import BadInput
from training.exit_codes import errors_as_exit_codes
from training.lists.annotations import Annotations, read_kinetics400, read_sthv1, read_sthv2
from training.lists.checked_clips import UsableClips, check_clips, usable_clips
from training.lists.class_folders import read_class_folders
from training.lists.clip_set import ClipSet, LabelledClip, clips_per_class
from training.lists.clip_table import read_clip_table
from training.lists.extract_frames import extract
from training.lists.frame_folder import count_all_frames
from training.lists.make_lists import DatasetScan, videos_by_name, write_lists, write_splits, write_unreadable
from training.lists.splits import Split, leave_one_group_out, make_folds, missed_shares, split_clips

T = TypeVar("T")

STHV1_FILE_NAME = "{:05}.jpg"
"""Format of Something-Something V1's frame names; the recipe has the same."""

OWN_RECIPE = "tin_tsm_finetune_r50_kinetics400"
"""The recipe that the next command names for clips of one's own: videos, from published weights."""

HELP = """Make train.txt, val.txt and labels.txt from videos of your own, or from a data set's official files.

Annotated clips that are not found are listed in missing.txt, unreadable ones in unreadable.txt.
"""

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP)

AnnotationsArgument = Annotated[Path, typer.Argument(help="Folder with the official annotation files.")]
VideosArgument = Annotated[Path, typer.Argument(help="Folder with the videos, at any depth.")]

SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the split.")]
FoldsOption = Annotated[
    int | None, typer.Option(min=2, help="Make this many folds for cross validation.", show_default=False)
]
SkipOption = Annotated[bool, typer.Option("--skip-unreadable", help="Leave out clips that cannot be read.")]
OwnOutOption = Annotated[
    Path | None, typer.Option(help="Output folder of the lists.", show_default="data/<name of the folder or file>")
]


@dataclass(frozen=True)
class SplitPlan:
    """The wanted split: one, `folds` of them, or with `by_group` one for each group."""

    val_share: float
    seed: int
    folds: int | None
    by_group: bool = False

    def splits(self, clips: Sequence[LabelledClip]) -> Mapping[str, Split]:
        """Split clips; map the folder of each split's lists to it: "." for the only one, or fold-1 and so on."""
        if self.folds is None and not self.by_group:
            return {".": split_clips(clips, val_share=self.val_share, seed=self.seed)}
        made = leave_one_group_out(clips) if self.folds is None else make_folds(clips, self.folds, seed=self.seed)
        return {f"fold-{number}": split for number, split in enumerate(made, start=1)}


class FolderError(BadInput):
    """A data set's folder is missing or has none of its clips; the message names it."""


class OptionError(BadInput):
    """Two options contradict each other; the message names them."""


@cli.command()
def folder(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of <class>/ or of {train,val,test}/<class>/.")],
    out: OwnOutOption = None,
    val_share: ValShareOption = 0.2,
    seed: SeedOption = 0,
    folds: FoldsOption = None,
    skip_unreadable: SkipOption = False,
    follow_links: FollowLinksOption = False,
) -> None:
    """List the videos of a folder that has a folder of them for each class."""
    with errors_as_exit_codes():
        clip_set = read_class_folders(root, follow_links=follow_links)
        plan = SplitPlan(val_share, seed, folds)
        _list_own(clip_set, plan, out or Path("data", root.resolve().name), skip_unreadable=skip_unreadable)


@cli.command()
def csv(
    file: Annotated[Path, typer.Argument(help="CSV file with a header: file,label[,split][,group].")],
    out: OwnOutOption = None,
    val_share: ValShareOption = 0.2,
    seed: SeedOption = 0,
    folds: FoldsOption = None,
    folds_by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Make a fold for each value of a column.", show_default=False),
    ] = None,
    group: GroupOption = None,
    ignore: IgnoreOption = None,
    skip_unreadable: SkipOption = False,
) -> None:
    """List the videos of a CSV file; their paths are relative to it."""
    with errors_as_exit_codes():
        _check_fold_options(folds, folds_by, group)
        clip_set = read_clip_table(file, group=folds_by or group, ignore=ignore or ())
        plan = SplitPlan(val_share, seed, folds, by_group=folds_by is not None)
        _list_own(clip_set, plan, out or Path("data", file.stem), skip_unreadable=skip_unreadable)


@cli.command()
def kinetics400(
    annotations: AnnotationsArgument,
    videos: VideosArgument,
    out: Annotated[Path, typer.Option(help="Output folder of the lists.")] = Path("data/kinetics400"),
) -> None:
    """List the videos of Kinetics-400, with the official downloader's names <id>_<start>_<end>.mp4."""
    with errors_as_exit_codes():
        annotated = read_kinetics400(annotations)
        scan, found = DatasetScan(), videos_by_name(_existing(videos))
        for name in _find(annotated, found, scan, videos):
            scan.add_video(found[name], videos)
        _finish(annotated, scan, out, root=videos, recipe="tin_tsm_finetune_r50_kinetics400")


@cli.command()
def sthv1(
    annotations: AnnotationsArgument,
    frames: Annotated[Path, typer.Argument(help="Folder with a folder of frames for each video.")],
    out: Annotated[Path, typer.Option(help="Output folder of the lists.")] = Path("data/sthv1"),
) -> None:
    """Count and list the frames of Something-Something V1, distributed as folders <id>/00001.jpg and so on."""
    with errors_as_exit_codes():
        annotated = read_sthv1(annotations)
        scan = DatasetScan()
        names = _find(annotated, set(os.listdir(_existing(frames))), scan, frames)
        for folder in _with_progress(count_all_frames(frames, names, STHV1_FILE_NAME), len(names), "counting frames"):
            scan.add_frames(folder)
        _finish(annotated, scan, out, root=frames, recipe="tin_r50_sthv1")


@cli.command()
def sthv2(
    annotations: AnnotationsArgument,
    videos: VideosArgument,
    out: Annotated[Path, typer.Option(help="Output folder of the lists and the frames.")] = Path("data/sthv2"),
    height: Annotated[int, typer.Option(min=1, help="Height of the frames in pixels; the aspect ratio is kept.")] = 240,
    quality: Annotated[int, typer.Option(min=1, max=100, help="JPEG quality.")] = 95,
    workers: Annotated[int, typer.Option(min=1, help="Processes.", show_default="one per core")] = os.cpu_count() or 1,
) -> None:
    """Extract the frames of Something-Something V2's videos, <id>.webm, and list them.

    An interrupted extraction is continued by the next run.
    """
    with errors_as_exit_codes():
        annotated = read_sthv2(annotations)
        scan, found = DatasetScan(), videos_by_name(_existing(videos))
        paths = {name: videos / found[name] for name in _find(annotated, found, scan, videos)}
        frames = out / "frames"
        folders = extract(paths, frames, height=height, quality=quality, workers=workers)
        for folder in _with_progress(folders, len(paths), "extracting frames"):
            scan.add_frames(folder)
        _finish(annotated, scan, out, root=frames, recipe="tin_r50_sthv2")


def _check_fold_options(folds: int | None, folds_by: str | None, group: str | None) -> None:
    if folds is not None and folds_by is not None:
        raise OptionError("--folds and --folds-by are both given; leave one of them out")
    if folds_by is not None and group not in (None, folds_by):
        raise OptionError(f"--folds-by {folds_by} keeps each {folds_by} together; leave out --group {group}")


def _list_own(clip_set: ClipSet, plan: SplitPlan, out: Path, *, skip_unreadable: bool) -> None:
    """Check, split and list clips; print a table of them and the command that trains on them."""
    plan.splits(clip_set.clips)  # fails here rather than after minutes of decoding
    checked = _with_progress(check_clips(clip_set), len(clip_set.clips), "reading clips")
    usable = usable_clips(clip_set, checked, skip_unreadable=skip_unreadable)
    splits = plan.splits(usable.clip_set.clips)
    write_splits(clip_set.labels, splits, out)
    write_unreadable(usable.unreadable, out)
    _print_classes(usable, splits)
    _print_counts(usable, splits, out)
    _print_missed_shares(splits, plan.val_share)
    typer.echo(f"next: {_own_training_command(clip_set, out, lists=out / next(iter(splits)))}")


def _print_classes(usable: UsableClips, splits: Mapping[str, Split]) -> None:
    """Print each class's clips, by split unless there are folds, and their mean length."""
    parts = _parts(splits)
    table = Table("class", *parts, "mean length", box=box.SIMPLE_HEAD)
    counts = {part: clips_per_class(clips) for part, clips in parts.items()}
    lengths: dict[str, list[float]] = {label: [] for label in usable.clip_set.labels}
    for clip in usable.clip_set.clips:
        lengths[clip.label].append(usable.videos[clip.path].duration_seconds)
    for label, seconds in lengths.items():
        table.add_row(escape(label), *(str(count[label]) for count in counts.values()), f"{fmean(seconds):.1f} s")
    Console().print(table)


def _parts(splits: Mapping[str, Split]) -> dict[str, Sequence[LabelledClip]]:
    """Return the clips by the table's column: those of the only split's parts, or of all folds together."""
    first = next(iter(splits.values()))
    test = {"test": first.test} if first.test else {}
    if len(splits) == 1:
        return {"train": first.train, "val": first.val, **test}
    return {"clips": (*first.train, *first.val), **test}


def _print_counts(usable: UsableClips, splits: Mapping[str, Split], out: Path) -> None:
    for folder, split in splits.items():
        parts = {"train": split.train, "val": split.val, "test": split.test}
        counts = ", ".join(f"{len(clips)} {part}" for part, clips in parts.items() if clips)
        groups = {clip.group for clip in split.val}
        left_out_group = f" (group {groups.pop()})" if len(groups) == 1 and None not in groups else ""
        typer.echo(f"{out / folder}: {counts}{left_out_group}")
    left_out = {
        "unreadable clips": len(usable.unreadable),
        "copies of a clip": len(usable.copies),
        "files that are no videos": usable.clip_set.num_ignored,
    }
    typer.echo("left out: " + ", ".join(f"{count} {kind}" for kind, count in left_out.items()))


def _print_missed_shares(splits: Mapping[str, Split], val_share: float) -> None:
    """Say which classes of the only split have another share of validation than wanted, if there are no folds."""
    missed = missed_shares(splits["."], val_share) if "." in splits else {}
    for label, (chosen, wanted) in missed.items():
        typer.echo(f"{label}: {chosen} in val instead of {wanted}, since groups stay together")


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder; give the one that the data set was unpacked to")
    return folder


def _find(annotated: Annotations, available: Container[str], scan: DatasetScan, folder: Path) -> list[str]:
    """Return the annotated names that the folder has; record the others in the scan."""
    names = annotated.names()
    present = scan.find(names, available)
    if not present:
        raise FolderError(f"{folder} has none of the {len(names)} annotated clips, such as {names[0]}")
    return present


def _with_progress(items: Iterator[T], total: int, description: str) -> Iterable[T]:
    console = Console(stderr=True)
    return track(items, description, total, console=console, transient=True, disable=not console.is_terminal)


def _finish(annotated: Annotations, scan: DatasetScan, out: Path, *, root: Path, recipe: str) -> None:
    write_lists(annotated, scan, out)
    _summarise(annotated, scan, out)
    typer.echo(f"next: {_training_command(recipe, root, out)}")


def _summarise(annotated: Annotations, scan: DatasetScan, out: Path) -> None:
    typer.echo(f"{out / 'labels.txt'}: {len(annotated.labels)} classes")
    for split, items in annotated.splits.items():
        typer.echo(f"{out / split}.txt: {len(scan.usable_items(items))} of {len(items)} annotated clips")
    typer.echo(f"{out / 'missing.txt'}: {len(scan.missing)} annotated clips not found")
    typer.echo(f"{out / 'unreadable.txt'}: {len(scan.unreadable)} annotated clips unreadable")


def _training_command(recipe: str, root: Path, out: Path) -> str:
    return _command(recipe, f"work-dirs/{recipe}", _data_settings(root, out, lists=out))


def _own_training_command(clip_set: ClipSet, out: Path, *, lists: Path) -> str:
    classes: dict[str, object] = {"model.num_classes": len(clip_set.labels)}
    return _command(OWN_RECIPE, f"work-dirs/{out.name}", classes | _data_settings(clip_set.root, out, lists=lists))


def _data_settings(root: Path, out: Path, *, lists: Path) -> dict[str, object]:
    """Return the recipe's keys for the lists in a folder, and for the labels in `out`."""
    paths = {"root": root, "train": lists / "train.txt", "validation": lists / "val.txt", "labels": out / "labels.txt"}
    return {f"data.{key}": path for key, path in paths.items()}


def _command(recipe: str, work_dir: str, settings: Mapping[str, object]) -> str:
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return shlex.join(["python", "-m", "training.train", recipe, "--work-dir", work_dir, *words])


if __name__ == "__main__":
    cli(prog_name="python -m training.prepare")
