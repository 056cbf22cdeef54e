"""Models of the comparison, each as a store for tin-serve and as the files that its peers take."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from clips.clip_spec import ClipSpec
from export.graph.int8 import to_int8
from export.graph.onnx_export import to_onnx
from service.backends.contract import SAFE_WEIGHT_BITS
from service.store.manifest import Artifact, Manifest
from service.store.model_store import sha256_of
from tests.benchmarks.bench_export import NUM_CALIBRATION
from tests.benchmarks.exported.forms import reference_checkpoint
from tests.helpers.paths import REPOSITORY
from tests.helpers.stores import parity_report
from training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from training.model.tin import Normalise
from training.synthetic.studio import Studio

DEMO, R50 = "demo", "R50"
STORE = REPOSITORY / "model_store"
DEMO_VERSION = STORE / "tin-motion" / "1"
HANDLER = Path(__file__).parent / "setups" / "torchserve_handler.py"


@dataclass(frozen=True)
class ServedModel:
    """A model: its store, and a folder with `model.onnx`, `card.json` and TorchServe's archive `video.mar`."""

    name: str
    store: Path
    folder: Path


def make_model(name: str, folder: Path) -> ServedModel:
    """Write the files of a model to a new folder: the demo model's from its checkpoint, R50's from recorded values."""
    folder.mkdir(parents=True)
    if name == DEMO:
        checkpoint, store = load_checkpoint(DEMO_VERSION / "checkpoint.safetensors"), STORE
        shutil.copy(DEMO_VERSION / "model.onnx", folder)
    else:
        checkpoint, store = reference_checkpoint(), folder / "store"
        publish(checkpoint, store / "tin-r50" / "1")
        shutil.copy(store / "tin-r50" / "1" / "model.onnx", folder)
    write_card(checkpoint.clip, checkpoint.labels, folder / "card.json")
    archive(checkpoint, folder)
    return ServedModel(name, store, folder)


def write_card(spec: ClipSpec, labels: Sequence[str], path: Path) -> None:
    """Write what a peer must know of a model's input, and its labels."""
    card = {"num_frames": spec.num_frames, "short_side": spec.short_side, "crop": spec.crop, "view": spec.view}
    path.write_text(json.dumps({**card, "labels": list(labels)}))


def publish(checkpoint: Checkpoint, version: Path) -> None:
    """Write a version of a store with an fp32 and an int8 graph; weights of no use need no proof of parity."""
    version.mkdir(parents=True)
    studio = Studio(0, num_textures=16)
    clips = np.stack([studio.draw_example(checkpoint.clip, difficulty=1.0)[0] for _ in range(NUM_CALIBRATION)])
    graph = to_onnx(checkpoint)
    graphs = {"onnx": graph, "onnx-int8": to_int8(graph, clips[:, None])}
    (version / "checkpoint.safetensors").write_bytes(b"weights")
    artifacts = [_artifact(version, form, graph) for form, graph in graphs.items()]
    manifest = Manifest.model_validate(
        {
            "name": version.parent.name,
            "version": version.name,
            "architecture": {"num_classes": len(checkpoint.labels), "temporal": "tin"},
            "clip": checkpoint.clip,
            "labels": checkpoint.labels,
            "checkpoint": {"file": "checkpoint.safetensors", "sha256": sha256_of(version / "checkpoint.safetensors")},
            "artifacts": artifacts,
            "training": {},
        }
    )
    (version / "manifest.json").write_text(manifest.model_dump_json())


def archive(checkpoint: Checkpoint, folder: Path) -> None:
    """Write `video.mar`: the traced network, its card, and the handler."""
    network = nn.Sequential(Normalise(checkpoint.clip), checkpoint.build_model()).eval()
    spec = checkpoint.clip
    example = torch.zeros((1, spec.num_frames, spec.crop, spec.crop, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.jit.freeze(torch.jit.trace(network, example)).save(folder / "model.pt")
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--model-name", "video", "--version", "1"]
    command += ["--serialized-file", "model.pt", "--extra-files", "card.json", "--export-path", "."]
    command += ["--handler", str(HANDLER)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _artifact(version: Path, form: str, graph: bytes) -> Artifact:
    file = {"onnx": "model.onnx", "onnx-int8": "model.int8.onnx"}[form]
    (version / file).write_bytes(graph)
    checkpoint, digest = (sha256_of(version / name) for name in ("checkpoint.safetensors", file))
    return Artifact(
        file=file,
        sha256=digest,
        format=form,
        precision="int8" if form == "onnx-int8" else "fp32",
        weight_bits=SAFE_WEIGHT_BITS if form == "onnx-int8" else None,
        opset=18,
        made_from={},
        parity=parity_report(checkpoint_sha256=checkpoint, artifact_sha256=digest),
    )
