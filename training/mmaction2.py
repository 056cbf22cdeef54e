"""MMAction2's tensor names become ours, one regular expression a line."""

from __future__ import annotations

import re

RENAMES = (
    (r"^backbone\.conv1\.", "stem."),
    (r"^backbone\.layer(\d+)\.(\d+)\.conv1\.conv\.net1\.", r"stages.\1.\2.interlace."),
    (r"^backbone\.layer(\d+)\.(\d+)\.conv1\.conv\.net2\.", r"stages.\1.\2.conv1.conv."),
    (r"^backbone\.layer(\d+)\.(\d+)\.downsample\.", r"stages.\1.\2.shortcut."),
    (r"^backbone\.layer(\d+)\.(\d+)\.", r"stages.\1.\2."),
    (r"\.conv(\d+)\.(?=conv\.|bn\.)", lambda match: f".convs.{int(match[1]) - 1}."),
    (r"^stages\.(\d+)", lambda match: f"stages.{int(match[1]) - 1}"),
    (r"\.bn\.", ".norm."),
    (r"^cls_head\.fc_cls\.", "head."),
)


def rename(name: str) -> str:
    """Our name of an MMAction2 tensor; a name that is not of its ResNets comes back unchanged."""
    for pattern, ours in RENAMES:
        name = re.sub(pattern, ours, name)
    return name
