"""A made zoo: small networks in the formats of MMAction2 0.x and 1.x, in the catalogue, with labels and a mirror."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import torch

from clips.clip_spec import ClipSpec
from tests.helpers.servers.file_server import FileServer, serving
from tests.helpers.training.mmengine_files import mmengine_file
from tests.helpers.training.networks import lively
from training.checkpoints import conversion
from training.checkpoints.key_mapping import KeyNaming, foreign_name
from training.model.tin import TIN, Architecture, Temporal
from training.zoo.cache import PublishedFile
from training.zoo.catalogue import CATALOGUE, PublishedCheckpoint
from training.zoo.data_sets import DATA_SETS, DataSet

HOST = "https://published.example"
LABELS = tuple(f"Doing thing {number} with something" for number in range(174))
LABELS_PATH = "/lists/made/label_map.txt"
NAMES = ("made_tin", "made_tin_1.x", "made_tsm")
"""A TIN in a file of 0.x, one in a file of 1.x, and a TSM in one of 0.x."""


@dataclass(frozen=True)
class MadeZoo:
    """The networks by their names in the catalogue, and the mirror that has their files and labels."""

    networks: dict[str, TIN]
    mirror: FileServer

    def options(self, name: str, *more: object) -> list[object]:
        """Return the command line that fetches a network from the mirror."""
        return ["fetch", name, "--mirror", self.mirror.address, *more]


@contextmanager
def made_zoo(patch: pytest.MonkeyPatch, *, depth: int = 18, width: float = 0.25) -> Iterator[MadeZoo]:
    """Put the networks and their labels into the catalogue, and serve the files.

    Converted checkpoints take 32 x 32 pixels instead of 224 x 224, so that exports and their proof take seconds.
    """
    patch.setattr(conversion, "ClipSpec", functools.partial(ClipSpec, short_side=36, crop=32))
    networks = {
        name: lively(Architecture(num_classes=174, depth=depth, width=width, temporal=Temporal(name[5:8])))
        for name in NAMES
    }
    text = "".join(f"{label}\n" for label in LABELS).encode()
    made = DataSet("Made clips", 174, PublishedFile(HOST + LABELS_PATH, hashlib.sha256(text).hexdigest(), "made.txt"))
    patch.setitem(DATA_SETS, "made", made)
    files = {LABELS_PATH: text}
    for name, network in networks.items():
        content = mmengine_file(mmaction2_tensors(network)) if name.endswith("1.x") else _file_of_0(network)
        path = f"/zoo/{name}/{name}_20261130-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        files[path] = content
        patch.setitem(CATALOGUE, name, PublishedCheckpoint(HOST + path, "Made 1.x", made, 12.5, 50.25, 7, 2, 3))
    with serving(files) as mirror:
        yield MadeZoo(networks, mirror)


def mmaction2_tensors(network: TIN) -> dict[str, torch.Tensor]:
    """Return a network's tensors by MMAction2's names."""
    temporal = network.architecture.temporal
    return {foreign_name(name, KeyNaming.MMACTION2, temporal): each for name, each in network.state_dict().items()}


def _file_of_0(network: TIN) -> bytes:
    meta = {"mmaction_version": "0.5.0", "config": "model = dict()", "epoch": 40, "iter": 1000}
    file = io.BytesIO()
    content = {"meta": meta, "state_dict": mmaction2_tensors(network)}
    torch.save(content, file, _use_new_zipfile_serialization=False)
    return file.getvalue()
