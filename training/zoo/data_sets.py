"""Data sets of published checkpoints, and their published label lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.lists.labels import read_labels
from training.zoo.cache import PublishedFile, fetch_file

_MMACTION2 = "https://raw.githubusercontent.com/open-mmlab/mmaction2/4d6c93474730cad2f25e51109adcf96824efc7a3"


@dataclass(frozen=True)
class DataSet:
    """A data set, its number of classes, and the list of their names in the order of a published head.

    `labels` is None for ImageNet, whose heads no video network keeps.
    """

    title: str
    num_classes: int
    labels: PublishedFile | None = None


def read_published_labels(labels: PublishedFile, cache: Path | None, mirror: str | None) -> tuple[str, ...]:
    """Download a published list of class names, unless the cache has it, and read it.

    Raises DownloadError, and LabelsError.
    """
    return read_labels(fetch_file(labels, cache, mirror))


def find_labels(source: str, cache: Path | None = None, mirror: str | None = None) -> tuple[str, ...]:
    """Return class names in the order of the head's rows.

        find_labels("sthv2")
        find_labels("my/labels.txt")

    Args:
        source: A name of `DATA_SETS`, whose list is downloaded, or a file with one name a line.
        cache: Download cache; the default one if None.
        mirror: Another host or folder with the same paths.

    Raises DownloadError, and LabelsError.
    """
    published = DATA_SETS[source].labels if source in DATA_SETS else None
    return read_published_labels(published, cache, mirror) if published else read_labels(Path(source))


def _label_list(path: str, sha256: str) -> PublishedFile:
    """Entry for a list of MMAction2's, whose name in the cache has its folder's, since two lists have the same."""
    return PublishedFile(f"{_MMACTION2}/{path}", sha256, "-".join(path.split("/")[-2:]))


IMAGENET = DataSet("ImageNet", 1000)
DATA_SETS = {
    "kinetics400": DataSet(
        "Kinetics-400",
        400,
        _label_list(
            "tools/data/kinetics/label_map_k400.txt",
            "e9f2806fe9109b851a80a74841244f6f8c9d10917fa0229cd82bab67f2f8e28f",
        ),
    ),
    "sthv1": DataSet(
        "Something-Something V1",
        174,
        _label_list(
            "tools/data/sthv1/label_map.txt", "5465813d437e762ccee1d2090d585d6383665e9f0216e055d6d506993a8b3fd7"
        ),
    ),
    "sthv2": DataSet(
        "Something-Something V2",
        174,
        _label_list(
            "tools/data/sthv2/label_map.txt", "c9c5a86ece619e1ab2e7ca0614c85377a534873e17108b13243e5d22089a0a85"
        ),
    ),
    "jester": DataSet(
        "Jester",
        27,
        _label_list(
            "tools/data/jester/label_map.txt", "e276b0171b36ef05440506d8ee8e10faa4171356c27a4278d6ce868aa1bea77e"
        ),
    ),
}
"""Data sets by the name that `--labels` takes."""
