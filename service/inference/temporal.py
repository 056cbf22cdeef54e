"""Temporal modules: a network's way of relating its frames, in a sentence for people."""

from __future__ import annotations

from service.store.manifest import TemporalKind

DESCRIPTIONS: dict[TemporalKind, str] = {
    "tin": (
        "A quarter of each block's channels moves along the frames, by offsets and weights that the network computes "
        "for this clip."
    ),
    "tsm": (
        "Blocks take an eighth of their channels from the next frame and another eighth from the previous one; "
        "these shifts are the same for every clip."
    ),
    "none": "Each frame is seen on its own and the results are averaged, so the order of the frames does not count.",
}
"""By the `temporal` of a manifest's architecture."""
