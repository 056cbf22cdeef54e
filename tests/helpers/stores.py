"""A model store for tests: models of six colours, published without training or export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from clips.clip_spec import ClipSpec, View
from service.backends.contract import OUTPUTS
from service.store.manifest import Artifact, Manifest, ParityReport, StoredFile, TimelineDefaults
from service.store.model_store import sha256_of

LABELS = ("Showing red", "Showing green", "Showing blue", "Showing cyan", "Showing pink", "Showing <b>yellow</b>")
COLOURS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0))
OUTPUTS_OF = {"tin": OUTPUTS, "tsm": ("logits", "features"), "none": ("logits", "features")}
SPEC = ClipSpec(num_frames=8, short_side=32, crop=32, view=View.SQUEEZE)


def publish(
    root: Path,
    name: str,
    version: str,
    *,
    graph: bytes | None = None,
    clip: ClipSpec = SPEC,
    temporal: str = "tin",
    threshold: float | None = None,
    timeline: TimelineDefaults | None = None,
    **parity: object,
) -> Path:
    """Write `<root>/<name>/<version>/` with a graph, its digest and a parity report; return the folder.

    Args:
        root: the model store.
        name: the model's name.
        version: its version.
        graph: bytes of `model.onnx`; `colour_graph` with the outputs that `temporal` has, unless given.
        clip: the model's input, with the frames and the crop of SPEC.
        temporal: the architecture's temporal module.
        threshold: least top-1 probability of a likely answer.
        timeline: parameters of the model's timelines.
        parity: fields of the parity report that differ from those of a perfect one.
    """
    folder = root / name / version
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph if graph is not None else colour_graph(OUTPUTS_OF[temporal]))
    (folder / "checkpoint.safetensors").write_bytes(b"weights")
    architecture = {"num_classes": len(LABELS), "temporal": temporal}
    fields = {"threshold": threshold, "timeline": timeline}
    manifest = _manifest(folder, architecture, clip, parity).model_copy(update=fields)
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2))
    return folder


def _manifest(folder: Path, architecture: dict[str, object], clip: ClipSpec, parity: dict[str, object]) -> Manifest:
    checkpoint = StoredFile(file="checkpoint.safetensors", sha256=sha256_of(folder / "checkpoint.safetensors"))
    digest = sha256_of(folder / "model.onnx")
    report = parity_report(checkpoint_sha256=checkpoint.sha256, artifact_sha256=digest, **parity)
    artifact = Artifact(
        file="model.onnx",
        sha256=digest,
        format="onnx",
        precision="fp32",
        opset=17,
        made_from={},
        parity=report,
    )
    return Manifest(
        name=folder.parent.name,
        version=folder.name,
        architecture=architecture,
        clip=clip,
        labels=LABELS,
        checkpoint=checkpoint,
        artifacts=(artifact,),
        training={},
    )


def parity_report(**fields: object) -> ParityReport:
    """Return the report of a perfect artifact, but for these fields."""
    perfect = {
        "backend": "onnx_runtime",
        "device": "cpu",
        "batches": (1,),
        "num_clips": 1,
        "num_real_clips": 0,
        "num_clips_judged": 1,
        "made_offsets": (),
        "max_abs_logit_difference_at_made_offsets": 0.0,
        "clips_sha256": "0" * 64,
        "checkpoint_sha256": "0" * 64,
        "artifact_sha256": "0" * 64,
        "tolerance": 1e-4,
        "max_abs_logit_difference": 0.0,
        "top1_agreement": 1.0,
        "top5_agreement": 1.0,
        "required_top1_agreement": 1.0,
        "versions": {},
    }
    return ParityReport.model_validate(perfect | fields)


def colour_graph(outputs: Sequence[str] = OUTPUTS) -> bytes:
    """ONNX graph under the contract: the logit of a colour is the clip's mean pixel projected on that colour.

    The features are the mean pixel, red, green and blue. `outputs` names the contract's outputs that the graph has.
    """
    side, frames, blocks = SPEC.crop, SPEC.num_frames, 2
    constants = {
        "axes": np.array([1, 2, 3]),
        "colours": (np.array(COLOURS, np.float32) - np.mean(COLOURS, 1, keepdims=True)).T.astype(np.float32) / 25,
        "none": np.zeros((3, 1), np.float32),
        "some_offsets": np.array([[0.5, -1.0, 1.0, 0.25]], np.float32),
        "some_weights": np.ones((1, blocks * frames * 2), np.float32),
        "shape_of_offsets": np.array([-1, blocks, 2]),
        "shape_of_weights": np.array([-1, blocks, frames, 2]),
    }
    shapes = {"logits": [len(LABELS)], "features": [3], "offsets": [blocks, 2], "weights": [blocks, frames, 2]}
    nodes = [
        helper.make_node("Cast", ["clips"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["features"], keepdims=0),
        helper.make_node("MatMul", ["features", "colours"], ["logits"]),
        helper.make_node("MatMul", ["features", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "some_offsets"], ["flat_offsets"]),
        helper.make_node("Add", ["zero", "some_weights"], ["flat_weights"]),
        helper.make_node("Reshape", ["flat_offsets", "shape_of_offsets"], ["offsets"]),
        helper.make_node("Reshape", ["flat_weights", "shape_of_weights"], ["weights"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("clips", TensorProto.UINT8, ["N", frames, side, side, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shapes[name]]) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
