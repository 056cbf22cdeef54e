"""Catalogue of published checkpoints: addresses, published accuracy, and the download cache."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from training.checkpoints.download import download
from training.errors import BadInput

OPENMMLAB = "https://download.openmmlab.com/mmaction/recognition"
PYTORCH = "https://download.pytorch.org/models"


class UnknownName(BadInput):
    """No published checkpoint has this name; the message suggests the nearest one."""


@dataclass(frozen=True)
class PublishedCheckpoint:
    """A published file; `top1` and `top5` are accuracies in percent on the validation set of `data`."""

    url: str
    data: str
    top1: float
    top5: float

    @property
    def file(self) -> str:
        """The file's name."""
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def digest_start(self) -> str:
        """The first 8 hex digits of the file's SHA-256, which end its name. Raises ValueError without them."""
        match = re.search(r"-([0-9a-f]{8})\.pth$", self.file)
        if match is None:
            raise ValueError(f"{self.file} does not end in 8 digits of its SHA-256")
        return match[1]

    def at(self, mirror: str | None) -> str:
        """Return the address, or the same path on a mirror such as "http://mirror.local:8000"."""
        return self.url if mirror is None else mirror.rstrip("/") + urlsplit(self.url).path


def fetch_published(name: str, cache: Path | None = None, mirror: str | None = None) -> Path:
    """Return a published checkpoint's file in the cache, downloading it if necessary; show progress on a terminal.

    Raises UnknownName, and DownloadError when the download fails or is not the published file.
    """
    published = find_published(name)
    target = (cache or default_cache()) / published.file
    columns = (TextColumn(published.file), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        download(
            published.at(mirror),
            target,
            published.digest_start,
            lambda have, total: bar.update(task, completed=have, total=total),
        )
    return target


def find_published(name: str) -> PublishedCheckpoint:
    """Look a name up in the catalogue. Raises UnknownName."""
    if name not in CATALOGUE:
        near = get_close_matches(name, CATALOGUE, n=1)
        hint = f"did you mean {near[0]}?" if near else "`python -m training.zoo list` lists all"
        raise UnknownName(f"unknown checkpoint {name}; {hint}")
    return CATALOGUE[name]


def default_cache() -> Path:
    """Return the cache folder of the XDG base directory specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tin-serve"


def _mmaction2(method: str, run: str, date_and_digest: str, data: str, top1: float, top5: float) -> PublishedCheckpoint:
    """Entry for MMAction2 0.x, which keeps a run's checkpoint in a folder of the run's name."""
    return PublishedCheckpoint(f"{OPENMMLAB}/{method}/{run}/{run}_{date_and_digest}.pth", data, top1, top5)


def _torchvision(depth: int, digest: str, top1: float, top5: float) -> PublishedCheckpoint:
    """Entry for torchvision's first ImageNet weights, which MMAction2's recipes start from."""
    return PublishedCheckpoint(f"{PYTORCH}/resnet{depth}-{digest}.pth", "ImageNet", top1, top5)


STH1, STH2, K400 = "Something-Something V1", "Something-Something V2", "Kinetics-400"

CATALOGUE = {
    "tin_r50_sthv1": _mmaction2("tin", "tin_r50_1x1x8_40e_sthv1_rgb", "20200729-4a33db86", STH1, 44.25, 73.94),
    "tin_r50_sthv2": _mmaction2("tin", "tin_r50_1x1x8_40e_sthv2_rgb", "20200912-b27a7337", STH2, 56.70, 83.62),
    "tin_tsm_finetune_r50_kinetics400": _mmaction2(
        "tin", "tin_tsm_finetune_r50_1x1x8_50e_kinetics400_rgb", "20200810-4a146a70", K400, 70.89, 89.89
    ),
    "tsm_r50_kinetics400": _mmaction2(
        "tsm", "tsm_r50_1x1x8_50e_kinetics400_rgb", "20200607-af7fb746", K400, 70.24, 89.56
    ),
    "tsm_r50_256p_kinetics400": _mmaction2(
        "tsm", "tsm_r50_256p_1x1x8_50e_kinetics400_rgb", "20200726-020785e2", K400, 70.59, 89.52
    ),
    "tsm_r50_sthv1": _mmaction2("tsm", "tsm_r50_1x1x8_50e_sthv1_rgb", "20210203-01dce462", STH1, 45.58, 75.02),
    "tsm_r50_sthv2": _mmaction2("tsm", "tsm_r50_1x1x8_50e_sthv2_rgb", "20200912-033c4ac6", STH2, 57.86, 84.67),
    "tsm_r101_sthv2": _mmaction2("tsm", "tsm_r101_1x1x8_50e_sthv2_rgb", "20200920-6f6fb869", STH2, 58.74, 85.28),
    "resnet18": _torchvision(18, "5c106cde", 69.76, 89.08),
    "resnet34": _torchvision(34, "333f7ec4", 73.30, 91.42),
    "resnet50": _torchvision(50, "19c8e357", 76.15, 92.87),
    "resnet101": _torchvision(101, "5d3b4d8f", 77.37, 93.56),
}
