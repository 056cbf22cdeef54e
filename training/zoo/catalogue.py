"""Catalogue of published checkpoints: address, release, accuracy and test protocol of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from training.errors import BadInput
from training.zoo.cache import PublishedFile
from training.zoo.data_sets import DATA_SETS, IMAGENET, DataSet

OPENMMLAB = "https://download.openmmlab.com/mmaction"
PYTORCH = "https://download.pytorch.org/models"


class UnknownName(BadInput):
    """No published checkpoint has this name; the message suggests the nearest one."""


@dataclass(frozen=True)
class PublishedCheckpoint:
    """A published file, and the accuracy that its release reports on the validation set of `data`, in percent."""

    url: str
    release: str
    data: DataSet
    top1: float
    top5: float
    parameters: int
    """Number of trained parameters, by its release."""
    clips: int = 1
    """Clips of a video in the release's test: 2 for frames sampled twice, at two offsets."""
    crops: int = 1
    """Crops of a clip in the release's test."""

    @property
    def file(self) -> PublishedFile:
        """The file and the digest's start, which ends its name. Raises ValueError for a name without it."""
        name = urlsplit(self.url).path.rpartition("/")[2]
        match = re.search(r"-([0-9a-f]{8})\.pth$", name)
        if match is None:
            raise ValueError(f"{name} does not end in 8 digits of its SHA-256")
        return PublishedFile(self.url, match[1], name)

    @property
    def size(self) -> int:
        """Approximate size of the file in bytes: float32 parameters, without statistics and names."""
        return 4 * self.parameters

    def describe(self) -> dict[str, Any]:
        """Return what a published version's manifest says of it, as plain values."""
        return {
            "release": self.release,
            "url": self.url,
            "data": self.data.title,
            "top1": self.top1,
            "top5": self.top5,
            "clips": self.clips,
            "crops": self.crops,
        }


def find_published(name: str) -> PublishedCheckpoint:
    """Look a name up in the catalogue. Raises UnknownName."""
    if name not in CATALOGUE:
        near = get_close_matches(name, CATALOGUE, n=1)
        hint = f"did you mean {near[0]}?" if near else "`tin zoo list` lists all"
        raise UnknownName(f"unknown checkpoint {name}; {hint}")
    return CATALOGUE[name]


def _mmaction2_0(
    method: str, run: str, date_and_digest: str, data: str, accuracy: tuple[float, float], parameters: int
) -> PublishedCheckpoint:
    """Entry for MMAction2 0.x, which keeps a run's checkpoint in a folder of the run's name."""
    url = f"{OPENMMLAB}/recognition/{method}/{run}/{run}_{date_and_digest}.pth"
    return PublishedCheckpoint(url, "MMAction2 0.x", DATA_SETS[data], *accuracy, parameters)


def _mmaction2_1(
    method: str,
    run: str,
    date_and_digest: str,
    data: str,
    accuracy: tuple[float, float],
    parameters: int,
    *,
    clips: int = 1,
    crops: int = 1,
) -> PublishedCheckpoint:
    """Entry for MMAction2 1.x, which has another folder and other names of runs."""
    url = f"{OPENMMLAB}/v1.0/recognition/{method}/{run}/{run}_{date_and_digest}.pth"
    return PublishedCheckpoint(url, "MMAction2 1.x", DATA_SETS[data], *accuracy, parameters, clips, crops)


def _torchvision(depth: int, digest: str, accuracy: tuple[float, float], parameters: int) -> PublishedCheckpoint:
    """Entry for torchvision's first ImageNet weights, which MMAction2's recipes start from."""
    return PublishedCheckpoint(f"{PYTORCH}/resnet{depth}-{digest}.pth", "torchvision", IMAGENET, *accuracy, parameters)


_TIN_174, _TIN_400, _TSM_174, _TSM_400 = 23_895_566, 24_358_640, 23_864_558, 24_327_632
"""Parameters of R50 networks by number of classes."""

CATALOGUE = {
    "tin_r50_sthv1": _mmaction2_0(
        "tin", "tin_r50_1x1x8_40e_sthv1_rgb", "20200729-4a33db86", "sthv1", (44.25, 73.94), _TIN_174
    ),
    "tin_r50_sthv2": _mmaction2_0(
        "tin", "tin_r50_1x1x8_40e_sthv2_rgb", "20200912-b27a7337", "sthv2", (56.70, 83.62), _TIN_174
    ),
    "tin_tsm_finetune_r50_kinetics400": _mmaction2_0(
        "tin",
        "tin_tsm_finetune_r50_1x1x8_50e_kinetics400_rgb",
        "20200810-4a146a70",
        "kinetics400",
        (70.89, 89.89),
        _TIN_400,
    ),
    "tsm_r50_kinetics400": _mmaction2_0(
        "tsm", "tsm_r50_1x1x8_50e_kinetics400_rgb", "20200607-af7fb746", "kinetics400", (70.24, 89.56), _TSM_400
    ),
    "tsm_r50_256p_kinetics400": _mmaction2_0(
        "tsm", "tsm_r50_256p_1x1x8_50e_kinetics400_rgb", "20200726-020785e2", "kinetics400", (70.59, 89.52), _TSM_400
    ),
    "tsm_r50_sthv1": _mmaction2_0(
        "tsm", "tsm_r50_1x1x8_50e_sthv1_rgb", "20210203-01dce462", "sthv1", (45.58, 75.02), _TSM_174
    ),
    "tsm_r50_sthv2": _mmaction2_0(
        "tsm", "tsm_r50_1x1x8_50e_sthv2_rgb", "20200912-033c4ac6", "sthv2", (57.86, 84.67), _TSM_174
    ),
    "tsm_r101_sthv2": _mmaction2_0(
        "tsm", "tsm_r101_1x1x8_50e_sthv2_rgb", "20200920-6f6fb869", "sthv2", (58.74, 85.28), 42_856_686
    ),
    "tin_r50_sthv1_1.x": _mmaction2_1(
        "tin",
        "tin_imagenet-pretrained-r50_8xb6-1x1x8-40e_sthv1-rgb",
        "20220913-9b7804d6",
        "sthv1",
        (39.68, 68.55),
        _TIN_174,
    ),
    "tin_r50_sthv2_1.x": _mmaction2_1(
        "tin",
        "tin_imagenet-pretrained-r50_8xb6-1x1x8-40e_sthv2-rgb",
        "20220913-84f9b4b0",
        "sthv2",
        (54.78, 82.18),
        _TIN_174,
    ),
    "tin_tsm_finetune_r50_kinetics400_1.x": _mmaction2_1(
        "tin",
        "tin_kinetics400-pretrained-tsm-r50_1x1x8-50e_kinetics400-rgb",
        "20220913-7f10d0c0",
        "kinetics400",
        (71.86, 90.44),
        _TIN_400,
    ),
    "tsm_r50_kinetics400_1.x": _mmaction2_1(
        "tsm",
        "tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb",
        "20220831-64d69186",
        "kinetics400",
        (73.18, 90.56),
        _TSM_400,
        crops=10,
    ),
    # Its configuration samples the frames twice; MMAction2's table counts the crops alone.
    "tsm_r50_sthv2_1.x": _mmaction2_1(
        "tsm",
        "tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_sthv2-rgb",
        "20230317-be0fc26e",
        "sthv2",
        (62.72, 87.70),
        _TSM_174,
        clips=2,
        crops=3,
    ),
    "resnet18": _torchvision(18, "5c106cde", (69.76, 89.08), 11_689_512),
    "resnet34": _torchvision(34, "333f7ec4", (73.30, 91.42), 21_797_672),
    "resnet50": _torchvision(50, "19c8e357", (76.15, 92.87), 25_557_032),
    "resnet101": _torchvision(101, "5d3b4d8f", (77.37, 93.56), 44_549_160),
}
