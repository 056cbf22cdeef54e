"""Fetching of published weights as a checkpoint of this project, with the names of its classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.checkpoints.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from training.checkpoints.conversion import build_from, convert
from training.checkpoints.load_pretrained import LoadReport
from training.checkpoints.pretrained import read_pretrained
from training.model.tin import Architecture, Temporal
from training.zoo.data_sets import find_labels, read_published_labels
from training.zoo.weights import Weights, find_weights


@dataclass(frozen=True)
class FetchRequest:
    """Weights to fetch, and the network to make of them.

    Args:
        source: A name of the catalogue, an address hf://owner/name[@revision], or a file.
        labels: A name of `DATA_SETS` or a file with one class name a line; the catalogue's own if None.
        temporal: The network to build; the weights' own if None, TIN for ImageNet's.
        new_head: Initialise another head, for other classes.
        cache: Download cache; the default one if None.
        mirror: Another host or folder with the catalogue's paths.
    """

    source: str
    labels: str | None = None
    temporal: Temporal | None = None
    new_head: bool = False
    cache: Path | None = None
    mirror: str | None = None


def fetch_checkpoint(request: FetchRequest) -> tuple[Checkpoint, LoadReport | None]:
    """Download weights, verify them and convert them to a checkpoint of this project.

        checkpoint, report = fetch_checkpoint(FetchRequest("tin_r50_sthv2"))

    Returns:
        The checkpoint, and what became of every tensor; None for a checkpoint that is this project's already.

    Raises:
        BadInput: Weights or labels cannot be downloaded, are not the published ones, or do not fit.
    """
    weights = find_weights(request.source, request.cache, request.mirror)
    if weights.is_own:
        checkpoint, report = _load_own(weights, request), None
    else:
        labels, labels_from = _labels(weights, request)
        checkpoint, report = convert(weights.path, labels, temporal=request.temporal, new_head=request.new_head)
        checkpoint.training["labels_from"] = labels_from
    checkpoint.training.update(weights.origin)
    return checkpoint, report


def preview(request: FetchRequest) -> tuple[Architecture, LoadReport]:
    """Download weights of a network whose classes have no published names, and fit them without labels.

    Raises BadInput, as `fetch_checkpoint` does.
    """
    weights = find_weights(request.source, request.cache, request.mirror)
    source = read_pretrained(weights.path)
    model, report = build_from(source, source.num_classes or 1, request.temporal, new_head=request.new_head)
    return model.architecture, report


def _load_own(weights: Weights, request: FetchRequest) -> Checkpoint:
    if request.labels or request.temporal or request.new_head:
        raise CheckpointError(
            f"{request.source} is a checkpoint of this project, with labels and a network of its own; "
            "leave out --labels, --temporal and --new-head"
        )
    return load_checkpoint(weights.path)


def _labels(weights: Weights, request: FetchRequest) -> tuple[tuple[str, ...], str]:
    """Return the class names, and where they are from."""
    if request.labels:
        return find_labels(request.labels, request.cache, request.mirror), request.labels
    if weights.data is None or weights.data.labels is None:
        raise CheckpointError(f"no class names are published with {request.source}; give its --labels")
    published = weights.data.labels
    return read_published_labels(published, request.cache, request.mirror), published.url
