"""`python -m training.prepare {kinetics400,sthv1,sthv2}`: official annotations and files become lists to train from."""

from __future__ import annotations

import os
import shlex
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from training.errors import BadInput
from training.exit_codes import errors_as_exit_codes
from training.lists.annotations import Annotations, read_kinetics400, read_sthv1, read_sthv2
from training.lists.extract_frames import extract
from training.lists.frame_folder import FrameFolder, count_frames
from training.lists.make_lists import DatasetScan, videos_by_name, write_lists

STHV1_FILE_NAME = "{:05}.jpg"
"""What Something-Something V1 calls its frames; the recipe says the same."""

THREADS = 32
"""As many folders are looked into at once: enough for a network's disk, where each look is a wait."""

HELP = """Make train.txt, val.txt and labels.txt from a data set's official files.

What is annotated and not there is named in missing.txt, and what cannot be read in unreadable.txt.
"""

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP)

AnnotationsArgument = Annotated[Path, typer.Argument(help="The folder with the official annotation files.")]
VideosArgument = Annotated[Path, typer.Argument(help="The folder with the videos, at any depth below it.")]


class FolderError(BadInput):
    """A data set's folder is missing or holds nothing of it; the message names it."""


@cli.command()
def kinetics400(
    annotations: AnnotationsArgument,
    videos: VideosArgument,
    out: Annotated[Path, typer.Option(help="The folder for the lists.")] = Path("data/kinetics400"),
) -> None:
    """List the videos of Kinetics-400, named as the official downloader names them: <id>_<start>_<end>.mp4."""
    with errors_as_exit_codes():
        annotated = read_kinetics400(annotations)
        scan, found = DatasetScan(), videos_by_name(_checked(videos))
        for name in _present(annotated, found, scan, videos):
            scan.add_video(found[name], videos)
        _finish(annotated, scan, out, root=videos, recipe="tin_tsm_finetune_r50_kinetics400")


@cli.command()
def sthv1(
    annotations: AnnotationsArgument,
    frames: Annotated[Path, typer.Argument(help="The folder with a folder of frames for each video.")],
    out: Annotated[Path, typer.Option(help="The folder for the lists.")] = Path("data/sthv1"),
) -> None:
    """Count and list the frames of Something-Something V1, which comes as folders <id>/00001.jpg and so on."""
    with errors_as_exit_codes():
        annotated = read_sthv1(annotations)
        scan = DatasetScan()
        names = _present(annotated, set(os.listdir(_checked(frames))), scan, frames)
        for folder in _with_progress(_look_into_all(frames, names), len(names), "counting frames"):
            scan.add_frames(folder)
        _finish(annotated, scan, out, root=frames, recipe="tin_r50_sthv1")


@cli.command()
def sthv2(
    annotations: AnnotationsArgument,
    videos: VideosArgument,
    out: Annotated[Path, typer.Option(help="The folder for the lists and the frames.")] = Path("data/sthv2"),
    height: Annotated[int, typer.Option(min=1, help="Of the frames, in pixels; the aspect is kept.")] = 240,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of the JPEG files.")] = 95,
    workers: Annotated[int, typer.Option(min=1, help="Processes.", show_default="one a core")] = os.cpu_count() or 1,
) -> None:
    """Extract the frames of Something-Something V2's videos, <id>.webm, and list them.

    Run it again after an interruption: what is finished stays.
    """
    with errors_as_exit_codes():
        annotated = read_sthv2(annotations)
        scan, found = DatasetScan(), videos_by_name(_checked(videos))
        paths = {name: videos / found[name] for name in _present(annotated, found, scan, videos)}
        frames = out / "frames"
        folders = extract(paths, frames, height=height, quality=quality, workers=workers)
        for folder in _with_progress(folders, len(paths), "extracting frames"):
            scan.add_frames(folder)
        _finish(annotated, scan, out, root=frames, recipe="tin_r50_sthv2")


def _checked(folder: Path) -> Path:
    if not folder.is_dir():
        raise FolderError(f"there is no folder {folder}; give the one that the data set was unpacked to")
    return folder


def _present(annotated: Annotations, there: Container[str], scan: DatasetScan, folder: Path) -> list[str]:
    """The annotated names that the folder has; the scan takes down the others."""
    names = annotated.names()
    present = scan.look_for(names, there)
    if not present:
        raise FolderError(f"{folder} has none of the {len(names)} annotated clips, such as {names[0]}")
    return present


def _look_into_all(root: Path, names: Iterable[str]) -> Iterator[FrameFolder]:
    with ThreadPoolExecutor(THREADS) as threads:
        yield from threads.map(lambda name: count_frames(root / name, STHV1_FILE_NAME), names)


def _with_progress(folders: Iterator[FrameFolder], total: int, what: str) -> Iterable[FrameFolder]:
    console = Console(stderr=True)
    return track(folders, what, total, console=console, transient=True, disable=not console.is_terminal)


def _finish(annotated: Annotations, scan: DatasetScan, out: Path, *, root: Path, recipe: str) -> None:
    write_lists(annotated, scan, out)
    _summarise(annotated, scan, out)
    typer.echo(f"next: {_training_command(recipe, root, out)}")


def _summarise(annotated: Annotations, scan: DatasetScan, out: Path) -> None:
    typer.echo(f"{out / 'labels.txt'}: {len(annotated.labels)} classes")
    for split, items in annotated.splits.items():
        typer.echo(f"{out / split}.txt: {len(scan.present(items))} of {len(items)} annotated")
    typer.echo(f"{out / 'missing.txt'}: {len(scan.missing)} that are annotated and not there")
    typer.echo(f"{out / 'unreadable.txt'}: {len(scan.unreadable)} that cannot be read")


def _training_command(recipe: str, root: Path, out: Path) -> str:
    paths = {"root": root, "train": out / "train.txt", "validation": out / "val.txt", "labels": out / "labels.txt"}
    settings = [word for key, path in paths.items() for word in ("--set", f"data.{key}={path}")]
    return shlex.join(["python", "-m", "training.train", recipe, "--work-dir", f"work-dirs/{recipe}", *settings])


if __name__ == "__main__":
    cli(prog_name="python -m training.prepare")
