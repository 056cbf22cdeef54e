"""Command line: `python -m clips {probe,frames}`, a video as the models see it.

Exit codes: 0 success; 2 the file cannot be read as a video, or the frames cannot be written.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import cv2
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clips.clip_spec import ClipSpec
from clips.decoding.decode import DecodedClip, decode
from clips.decoding.errors import ClipError
from clips.decoding.frames import Image
from clips.sampling import evaluation_indices

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Inspect a video as the models see it.")

File = Annotated[Path, typer.Argument(help="Video file: MP4, MOV, MKV, WebM, AVI, ...", show_default=False)]


@cli.command()
def probe(
    file: File,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print a video's properties, the frames that a model sees, and the packets that their decoding took."""
    facts = _facts(_sampled(file))
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        _print_table(file, facts)


@cli.command()
def frames(
    file: File,
    out: Annotated[Path, typer.Option("--out", help="Output folder; created if missing.", show_default=False)],
) -> None:
    """Write the eight evaluation frames, upright and in full size, to 0.png, 1.png, ..."""
    pngs = [_png(image) for image in _sampled(file).images]
    try:
        _write_all({out / f"{number}.png": png for number, png in enumerate(pngs)}, out)
    except OSError as error:
        _fail(f"{out}: {error.strerror}")


def _sampled(file: Path) -> DecodedClip:
    try:
        return decode(file, lambda num_frames: evaluation_indices(num_frames, ClipSpec().num_frames))
    except ClipError as error:
        _fail(f"{file}: {error}")
    except OSError as error:
        _fail(f"{file}: {error.strerror}")


def _facts(clip: DecodedClip) -> dict[str, object]:
    """Return everything but the pixels, as plain JSON types."""
    sampled = [{"index": index, "seconds": seconds} for index, seconds in zip(clip.indices, clip.times, strict=True)]
    return {**asdict(clip.video), "sampled": sampled, "decoding": asdict(clip.report)}


def _print_table(file: Path, facts: dict[str, object]) -> None:
    table = Table(box=box.SIMPLE, show_header=False, show_edge=False)
    table.title, table.title_justify = f"[bold]{escape(str(file))}[/]", "left"
    for name, value in _table_rows(facts).items():
        table.add_row(f"[cyan]{name}[/]", escape(value))
    Console().print(table)


def _table_rows(facts: dict[str, object]) -> dict[str, str]:
    sampled, decoding = facts["sampled"], facts["decoding"]
    assert isinstance(sampled, list)
    assert isinstance(decoding, dict)
    reason = f": {decoding['reason']}" if decoding["reason"] else ""
    return {
        "container": f"{facts['container']}",
        "codec": f"{facts['codec']}",
        "size": f"{facts['width']}x{facts['height']}",
        "frames": f"{facts['frames']}",
        "duration": f"{facts['duration_seconds']:.3f} s",
        "sampled": ", ".join(f"{frame['index']} ({frame['seconds']:.2f} s)" for frame in sampled),
        "decoding": f"{decoding['path']}{reason}; {decoding['packets_fed']} of {decoding['packets']} packets fed",
    }


def _png(image: Image) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def _write_all(contents: dict[Path, bytes], folder: Path) -> None:
    """Write all files, or none if the disk fills up."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:
        for path, content in contents.items():
            (Path(unfinished) / path.name).write_bytes(content)
        for path in contents:
            os.replace(Path(unfinished) / path.name, path)


def _fail(message: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"[red]error[/] {escape(message)}")
    raise typer.Exit(2)


if __name__ == "__main__":
    cli(prog_name="python -m clips")
