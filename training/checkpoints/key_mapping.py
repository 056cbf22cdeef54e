"""Mapping of other projects' tensor names to this project's, one regular expression a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from enum import StrEnum

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

_RENAMES = {KeyNaming.MMACTION2: _MMACTION2, KeyNaming.ORIGINAL: _ORIGINAL, KeyNaming.TORCHVISION: _TORCHVISION}

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


def detect_naming(names: Collection[str]) -> KeyNaming | None:
    """Detect the project from its tensor names; return None if it is unknown."""
    unwrapped = [_unwrapped(name) for name in names]
    for naming, sign in _SIGNS.items():
        if any(re.match(sign, name) for name in unwrapped):
            return naming
    return None


def _unwrapped(name: str) -> str:
    """Drop the prefix that torch's data-parallel wrappers add."""
    return name.removeprefix("module.")
