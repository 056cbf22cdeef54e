"""Mapping between other projects' tensor names and this project's, one regular expression a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from enum import StrEnum

from training.model.tin import Temporal

Renames = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]


class KeyNaming(StrEnum):
    """The project whose tensor names a checkpoint has."""

    MMACTION2 = "mmaction2"
    """MMAction2's ResNet, TSM and TIN, in its versions 0.x and 1.x."""
    ORIGINAL = "original"
    """deepcs233/TIN, and mit-han-lab/temporal-shift-module, on which it is based."""
    TORCHVISION = "torchvision"
    """torchvision's ResNets."""


_MMACTION2: Renames = (
    (r"^backbone\.conv1\.", "stem."),
    (r"^backbone\.layer(\d+)\.(\d+)\.conv1\.conv\.net1\.", r"stages.\1.\2.interlace."),
    (r"^backbone\.layer(\d+)\.(\d+)\.conv1\.conv\.net2?\.", r"stages.\1.\2.conv1.conv."),
    (r"^backbone\.layer(\d+)\.(\d+)\.downsample\.", r"stages.\1.\2.shortcut."),
    (r"^backbone\.layer(\d+)\.(\d+)\.", r"stages.\1.\2."),
    (r"\.conv(\d+)\.(?=conv\.|bn\.)", lambda match: f".convs.{int(match[1]) - 1}."),
    (r"^stages\.(\d+)", lambda match: f"stages.{int(match[1]) - 1}"),
    (r"\.bn\.", ".norm."),
    (r"^cls_head\.fc_cls\.", "head."),
)

_TORCHVISION: Renames = (
    (r"^conv1\.", "stem.conv."),
    (r"^bn1\.", "stem.norm."),
    (r"^layer(\d+)\.", lambda match: f"stages.{int(match[1]) - 1}."),
    (r"(?<=\d)\.conv(\d+)\.", lambda match: f".convs.{int(match[1]) - 1}.conv."),
    (r"(?<=\d)\.bn(\d+)\.", lambda match: f".convs.{int(match[1]) - 1}.norm."),
    (r"\.downsample\.0\.", ".shortcut.conv."),
    (r"\.downsample\.1\.", ".shortcut.norm."),
)

_ORIGINAL: Renames = (
    (r"^base_model\.", ""),
    (r"^new_fc\.", "head."),
    (r"\.conv1\.net1\.biasnet\.net\.", ".interlace.offset_net."),
    (r"(?<=offset_net)\.fc\.", ".fc1."),
    (r"(?<=offset_net)\.lastlayer\.", ".fc2."),
    (r"\.conv1\.net1\.weightnet\.net\.lastlayer\.", ".interlace.weight_net.conv."),
    (r"\.conv1\.net2?\.", ".conv1."),
    *_TORCHVISION,
)

_TO_MMACTION2: Renames = (
    (r"^head\.", "cls_head.fc_cls."),
    (r"^stem\.", "backbone.conv1."),
    (r"^stages\.(\d+)", lambda match: f"backbone.layer{int(match[1]) + 1}"),
    (r"\.convs\.(\d+)\.", lambda match: f".conv{int(match[1]) + 1}."),
    (r"\.interlace\.", ".conv1.conv.net1."),
    (r"\.shortcut\.", ".downsample."),
    (r"\.norm\.", ".bn."),
)

_TO_TORCHVISION: Renames = (
    (r"^head\.", "fc."),
    (r"^stem\.conv\.", "conv1."),
    (r"^stem\.norm\.", "bn1."),
    (r"^stages\.(\d+)", lambda match: f"layer{int(match[1]) + 1}"),
    (r"\.convs\.(\d+)\.conv\.", lambda match: f".conv{int(match[1]) + 1}."),
    (r"\.convs\.(\d+)\.norm\.", lambda match: f".bn{int(match[1]) + 1}."),
    (r"\.shortcut\.conv\.", ".downsample.0."),
    (r"\.shortcut\.norm\.", ".downsample.1."),
)

_TO_ORIGINAL: Renames = (
    (r"^head\.", "new_fc."),
    (r"^(?!new_fc)", "base_model."),
    (r"(?<=offset_net\.)fc1\.", "fc."),
    (r"(?<=offset_net\.)fc2\.", "lastlayer."),
    (r"\.interlace\.offset_net\.", ".conv1.net1.biasnet.net."),
    (r"\.interlace\.weight_net\.conv\.", ".conv1.net1.weightnet.net.lastlayer."),
    *((pattern.replace("^", r"(?<=^base_model\.)"), theirs) for pattern, theirs in _TO_TORCHVISION),
)

_RENAMES = {KeyNaming.MMACTION2: _MMACTION2, KeyNaming.ORIGINAL: _ORIGINAL, KeyNaming.TORCHVISION: _TORCHVISION}

_FOREIGN_NAMES = {
    KeyNaming.MMACTION2: _TO_MMACTION2,
    KeyNaming.ORIGINAL: _TO_ORIGINAL,
    KeyNaming.TORCHVISION: _TO_TORCHVISION,
}

_WRAPPED_AS = {Temporal.TIN: "net2.", Temporal.TSM: "net.", Temporal.NONE: ""}
"""Names of a block's first convolution inside its temporal module."""

_SIGNS = {
    KeyNaming.MMACTION2: r"^backbone\.",
    KeyNaming.ORIGINAL: r"^base_model\.",
    KeyNaming.TORCHVISION: r"^layer1\.0\.",
}


def rename(name: str, naming: KeyNaming) -> str:
    """Return this project's name of a tensor; a name that the mapping does not know is returned unchanged."""
    name = _unwrapped(name)
    for pattern, ours in _RENAMES[naming]:
        name = re.sub(pattern, ours, name)
    return name


def foreign_name(name: str, naming: KeyNaming, temporal: Temporal) -> str:
    """Return a project's name of a tensor of this project: the inverse of `rename`, without a wrapper's prefix.

    `temporal` is the temporal module of the project's network.
    """
    for pattern, theirs in _FOREIGN_NAMES[naming]:
        name = re.sub(pattern, theirs, name)
    first_convolution = r"layer\d+\.\d+\.conv1\.(?:conv\.)?(?=weight$)"
    return re.sub(first_convolution, lambda match: match[0] + _WRAPPED_AS[temporal], name)


def detect_naming(names: Collection[str]) -> KeyNaming | None:
    """Detect the project from its tensor names; return None if it is unknown."""
    unwrapped = [_unwrapped(name) for name in names]
    for naming, sign in _SIGNS.items():
        if any(re.match(sign, name) for name in unwrapped):
            return naming
    return None


def _unwrapped(name: str) -> str:
    """Drop the prefixes that torch's data-parallel wrappers and averaged models add."""
    return re.sub(r"^(module\.)+", "", name)
