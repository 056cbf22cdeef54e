"""Published weights: tensors under this project's names, and the architecture that they imply."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from training.checkpoints.checkpoint import Checkpoint, CheckpointError
from training.checkpoints.key_mapping import KeyNaming, detect_naming, foreign_name, rename
from training.checkpoints.pth import read_tensors
from training.model.tin import BLOCKS_OF_DEPTH, BOTTLENECK_DEPTHS, Temporal


@dataclass(frozen=True)
class Pretrained:
    """Weights to start from: tensors by this project's names, their names in the file, and the temporal module."""

    naming: KeyNaming | None
    """The project whose names the file has; None for this project's."""
    temporal: Temporal
    tensors: dict[str, Tensor]
    names_in_file: dict[str, str]

    @property
    def depth(self) -> int:
        """Number of layers of the ResNet. Raises CheckpointError for one that is not in `BLOCKS_OF_DEPTH`."""
        blocks = _blocks_of_stages(self.tensors)
        is_bottleneck = any(re.match(r"stages\.0\.0\.convs\.2\.", name) for name in self.tensors)
        for depth, wanted in BLOCKS_OF_DEPTH.items():
            if blocks == wanted and is_bottleneck == (depth in BOTTLENECK_DEPTHS):
                return depth
        known = ", ".join(map(str, BLOCKS_OF_DEPTH))
        raise CheckpointError(
            f"its network has {list(blocks)} blocks in its stages; only ResNets of {known} layers fit"
        )

    @property
    def stem_channels(self) -> int:
        """Channels after the first convolution."""
        return self._shape("stem.conv.weight")[0]

    @property
    def num_classes(self) -> int | None:
        """Rows of the head; None without a head."""
        return self._shape("head.weight")[0] if "head.weight" in self.tensors else None

    @property
    def num_frames(self) -> int | None:
        """Clip length of the offset networks; None for a network that takes any length."""
        name = "stages.0.0.interlace.offset_net.fc1.weight"
        return self._shape(name)[0] if self.temporal is Temporal.TIN else None

    def name_in_file(self, name: str) -> str:
        """Return the file's name of a tensor; for one that the file lacks, the name that its project gives it."""
        if name in self.names_in_file or self.naming is None:
            return self.names_in_file.get(name, name)
        return foreign_name(name, self.naming, self.temporal)

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = tuple(self.tensors[name].shape) if name in self.tensors else ()
        if not shape:
            raise CheckpointError(f"it has no tensor that maps to {name}")
        return shape


def from_checkpoint(checkpoint: Checkpoint) -> Pretrained:
    """Take a checkpoint of this project as weights to start from."""
    names = {name: name for name in checkpoint.tensors}
    return Pretrained(None, checkpoint.architecture.temporal, checkpoint.tensors, names)


def read_pretrained(path: Path, naming: KeyNaming | None = None) -> Pretrained:
    """Read a .pth file; detect the project from its tensor names unless `naming` is given.

    Raises CheckpointError, naming the file.
    """
    tensors = read_tensors(path)
    naming = naming or detect_naming(tensors)
    if naming is None:
        raise CheckpointError(
            f"{path}: names such as {min(tensors)} belong to no known project ({', '.join(KeyNaming)}); "
            "only these projects' ResNets can be converted"
        )
    names_in_file = {rename(name, naming): name for name in tensors}
    if len(names_in_file) < len(tensors):
        raise CheckpointError(f"{path}: two of its tensors map to the same name; it is not one network of {naming}")
    ours = {name: tensors[theirs] for name, theirs in names_in_file.items()}
    return Pretrained(naming, _temporal(tensors), ours, names_in_file)


def _temporal(names: Iterable[str]) -> Temporal:
    """Detect the temporal module: TSM wraps a block's first convolution as `net`; in TIN, `net1` interlaces."""
    wrapped = {match[1] for name in names if (match := re.search(r"\.conv1\.(?:conv\.)?(net1?)\.", name))}
    return Temporal.TIN if "net1" in wrapped else Temporal.TSM if wrapped else Temporal.NONE


def _blocks_of_stages(names: Iterable[str]) -> tuple[int, ...]:
    blocks = {match.groups() for name in names if (match := re.match(r"stages\.(\d+)\.(\d+)\.", name))}
    count = Counter(int(stage) for stage, _ in blocks)
    return tuple(count[stage] for stage in sorted(count))
