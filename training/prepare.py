"""`python -m training.prepare {kinetics400,sthv1,sthv2}`: make training lists from a data set's official files."""

from __future__ import annotations

import os
import shlex
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from training.errors import BadInput
from training.exit_codes import errors_as_exit_codes
from training.lists.annotations import Annotations, read_kinetics400, read_sthv1, read_sthv2
from training.lists.extract_frames import extract
from training.lists.frame_folder import FrameFolder, count_all_frames
from training.lists.make_lists import DatasetScan, videos_by_name, write_lists

STHV1_FILE_NAME = "{:05}.jpg"
"""Format of Something-Something V1's frame names; the recipe has the same."""

HELP = """Make train.txt, val.txt and labels.txt from a data set's official files.

Annotated clips that are not found are listed in missing.txt, unreadable ones in unreadable.txt.
"""

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP)

AnnotationsArgument = Annotated[Path, typer.Argument(help="Folder with the official annotation files.")]
VideosArgument = Annotated[Path, typer.Argument(help="Folder with the videos, at any depth.")]


class FolderError(BadInput):
    """A data set's folder is missing or has none of its clips; the message names it."""


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


def _with_progress(folders: Iterator[FrameFolder], total: int, description: str) -> Iterable[FrameFolder]:
    console = Console(stderr=True)
    return track(folders, description, total, console=console, transient=True, disable=not console.is_terminal)


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
    paths = {"root": root, "train": out / "train.txt", "validation": out / "val.txt", "labels": out / "labels.txt"}
    settings = [word for key, path in paths.items() for word in ("--set", f"data.{key}={path}")]
    return shlex.join(["python", "-m", "training.train", recipe, "--work-dir", f"work-dirs/{recipe}", *settings])


if __name__ == "__main__":
    cli(prog_name="python -m training.prepare")
