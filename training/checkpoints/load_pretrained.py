"""A network starts from published weights: strictly, and with an account of every tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.checkpoints.checkpoint import load_strictly
from training.checkpoints.key_mapping import KeyNaming
from training.checkpoints.pretrained import Pretrained
from training.model.tin import TIN, Temporal

EXTRAS: dict[KeyNaming | None, tuple[str, ...]] = {
    KeyNaming.MMACTION2: ("data_preprocessor.",),
    KeyNaming.TORCHVISION: ("fc.",),
}
"""What a project's files hold besides our networks' tensors: constants of the input, a head of other classes."""


@dataclass(frozen=True)
class LoadReport:
    """What became of every tensor; `renamed` is by the file's names, `left` holds the file's, `fresh` ours."""

    taken: tuple[str, ...]
    renamed: dict[str, str]
    left: tuple[str, ...]
    fresh: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """The account in words: counts, and the names of what was left out on either side."""
        yield f"{len(self.taken)} tensors taken, {len(self.renamed)} of them under another name"
        yield f"{len(self.left)} of the file's left: {', '.join(self.left) or 'none'}"
        yield f"{len(self.fresh)} of the model's left as initialised: {', '.join(self.fresh) or 'none'}"


def load_pretrained(model: TIN, source: Pretrained, *, new_head: bool = False) -> LoadReport:
    """Fill the model; raises CheckpointError naming what is missing, unused or of another shape.

    Only these may differ: a plain network or TSM brings no offset and weight networks, torchvision a head of other
    classes, old files no batch counters. `new_head` leaves the file's head, for other classes.
    """
    new_head = new_head or source.naming is KeyNaming.TORCHVISION
    not_ours = (*EXTRAS.get(source.naming, ()), *(["head."] if new_head else []))
    offered = {name: tensor for name, tensor in source.tensors.items() if not name.startswith(not_ours)}
    initial = model.state_dict()
    fresh = {name: initial[name] for name in initial if name not in offered and _is_fresh(name, source, new_head)}
    load_strictly(model, offered | fresh, source.names_in_file)
    names = source.names_in_file
    return LoadReport(
        taken=tuple(offered),
        renamed={names[name]: name for name in offered if names[name] != name},
        left=tuple(names[name] for name in source.tensors if name not in offered),
        fresh=tuple(fresh),
    )


def _is_fresh(name: str, source: Pretrained, new_head: bool) -> bool:
    """Whether the file is not expected to bring this tensor of ours."""
    if name.startswith("head."):
        return new_head
    if ".interlace." in name:
        return source.temporal is not Temporal.TIN
    return name.endswith(".num_batches_tracked")
