"""The published checkpoints that can be fetched, with the accuracy that their publishers give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

OPENMMLAB = "https://download.openmmlab.com/mmaction/recognition"
PYTORCH = "https://download.pytorch.org/models"


@dataclass(frozen=True)
class PublishedCheckpoint:
    """A file at an address; top-1 and top-5 accuracy are in percent, on the validation part of `data`."""

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
        """The first 8 hex digits of the file's SHA-256, which end its name."""
        match = re.search(r"-([0-9a-f]{8})\.pth$", self.file)
        if match is None:
            raise ValueError(f"{self.file} does not end in 8 digits of its SHA-256")
        return match[1]

    def at(self, mirror: str | None) -> str:
        """The address, or the same path on a mirror such as "http://mirror.local:8000"."""
        return self.url if mirror is None else mirror.rstrip("/") + urlsplit(self.url).path


def _mmaction2(method: str, run: str, date_and_digest: str, data: str, top1: float, top5: float) -> PublishedCheckpoint:
    """MMAction2 0.x keeps a run's checkpoint in a folder of the run's name."""
    return PublishedCheckpoint(f"{OPENMMLAB}/{method}/{run}/{run}_{date_and_digest}.pth", data, top1, top5)


def _torchvision(depth: int, digest: str, top1: float, top5: float) -> PublishedCheckpoint:
    """Torchvision's first ImageNet weights, which MMAction2's recipes started from."""
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
