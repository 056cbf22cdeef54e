"""Loading of published weights into a network: strict, with a report on every tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.checkpoints.checkpoint import first_names, load_strictly
from training.checkpoints.key_mapping import KeyNaming
from training.checkpoints.pretrained import Pretrained
from training.model.tin import TIN, Temporal

EXTRAS: dict[KeyNaming | None, tuple[str, ...]] = {
    KeyNaming.MMACTION2: ("data_preprocessor.",),
    KeyNaming.TORCHVISION: ("fc.",),
}
"""Prefixes of tensors that a project's files hold in addition: constants of the input, the head of other classes."""

AVERAGING = ("ema_", "steps", "n_averaged")
"""Prefixes of what a moving average adds to the averaged weights: MMCV's weights before averaging, and counters."""

COUNTER = ".num_batches_tracked"


@dataclass(frozen=True)
class LoadReport:
    """Result of loading, by tensor: loaded, renamed (file name to own name), ignored in the file, newly initialised."""

    loaded: tuple[str, ...]
    renamed: dict[str, str]
    ignored: tuple[str, ...]
    initialised: tuple[str, ...]

    @property
    def untrained(self) -> tuple[str, ...]:
        """Newly initialised tensors that answers depend on: all but the batch counters that old files lack."""
        return tuple(name for name in self.initialised if not name.endswith(COUNTER))

    def lines(self) -> Iterator[str]:
        """Yield the report as text: counts, and the first names of the tensors left out on either side."""
        yield f"{len(self.loaded)} tensors loaded, {len(self.renamed)} of them renamed"
        yield f"{len(self.ignored)} in the file ignored: {first_names(self.ignored) or 'none'}"
        yield f"{len(self.initialised)} of the model newly initialised: {first_names(self.initialised) or 'none'}"


def load_pretrained(model: TIN, source: Pretrained, *, new_head: bool = False) -> LoadReport:
    """Load published weights into a model of the same depth and width.

    Only these tensors may differ: TSM and plain networks have no offset and weight networks, torchvision's head is for
    other classes, old files have no batch counters.

    Args:
        model: The network to fill.
        source: The published weights.
        new_head: Ignore the published head and keep the initialised one, for other classes.

    Raises:
        CheckpointError: Tensors are missing, unused or of another shape, and named; the model is unchanged.
    """
    new_head = new_head or source.naming is KeyNaming.TORCHVISION
    not_ours = (*AVERAGING, *EXTRAS.get(source.naming, ()), *(["head."] if new_head else []))
    offered = {name: tensor for name, tensor in source.tensors.items() if not name.startswith(not_ours)}
    initial = model.state_dict()
    fresh = {name: initial[name] for name in initial if name not in offered and _is_fresh(name, source, new_head)}
    load_strictly(model, offered | fresh, source.name_in_file)
    names = source.names_in_file
    return LoadReport(
        loaded=tuple(offered),
        renamed={names[name]: name for name in offered if names[name] != name},
        ignored=tuple(names[name] for name in source.tensors if name not in offered),
        initialised=tuple(fresh),
    )


def _is_fresh(name: str, source: Pretrained, new_head: bool) -> bool:
    """Return True if the file is not expected to hold this tensor."""
    if name.startswith("head."):
        return new_head
    if ".interlace." in name:
        return source.temporal is not Temporal.TIN
    return name.endswith(COUNTER)
