"""Benchmark of the export and of exported graphs of the full-size network (ResNet-50, 8 frames of 224, 174 classes).

    python -m tests.benchmarks.bench_export [--rounds 15] [--out FOLDER]

First the command that exports a model and proves its graph is timed, on all cores. Then graphs are, on one core.
Each round runs every form of the network once on the same clip, in rotating order, with one thread; times are CPU time,
medians over the rounds. The weights are those of the recorded values. Forms of the same network must have equal logits
before any is timed.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from clips.clip_spec import ClipSpec
from export.graph.int8 import to_int8
from export.graph.onnx_export import OPSET, to_onnx
from service.backends.base import Clips
from tests.helpers.measuring.machine import cpu_flags, cpu_name, stay_on_one_core, versions_of
from tests.helpers.paths import REPOSITORY
from tests.helpers.reference import tin_r50_tensors
from tests.helpers.training.foreign_files import from_mmaction2
from training.checkpoints.checkpoint import Checkpoint, save_checkpoint
from training.model.interlace import TemporalInterlace
from training.model.interlace_ops import NUM_GROUPS
from training.model.tin import TIN, Architecture, ConvNorm, Normalise, Temporal
from training.synthetic.studio import Studio

RESULTS = Path(__file__).parent / "results"
DEMO = REPOSITORY / "model_store" / "tin-motion" / "1" / "checkpoint.safetensors"
PACKAGES = ("torch", "onnx", "onnxruntime", "numpy")
SPEC = ClipSpec()
NUM_CLASSES = 174
NUM_CALIBRATION = 8
LOGIT_TOLERANCE = 1e-4

EXPORTED, BARE, EINSUM, EAGER, INT8 = "exported", "exported, no interlace", "einsum export", "torch eager", "int8"
SAME_NETWORK = (EXPORTED, EINSUM, EAGER)

Logits = NDArray[np.float32]
Form = Callable[[Clips], Logits]
"""One way to run the network: uint8 clips [N, T, H, W, 3] to logits float32 [N, K]."""


@dataclass(frozen=True)
class Goal:
    """Goal for the ratio of two forms' times: an upper or a lower bound."""

    name: str
    slower: str
    faster: str
    bound: float
    is_upper_bound: bool = False

    def ratio(self, medians: dict[str, float]) -> float:
        """Return the ratio of the median times."""
        return medians[self.slower] / medians[self.faster]

    def is_met(self, medians: dict[str, float]) -> bool:
        """Return True if the ratio keeps the bound."""
        ratio = self.ratio(medians)
        return ratio <= self.bound if self.is_upper_bound else ratio >= self.bound


GOALS = (
    Goal("interlacing costs", EXPORTED, BARE, 1.10, is_upper_bound=True),
    Goal("faster than the einsum export", EINSUM, EXPORTED, 1.2),
    Goal("faster than torch eager", EAGER, EXPORTED, 1.6),
    Goal("int8 faster than fp32", EXPORTED, INT8, 2.5),
)


@dataclass(frozen=True)
class ExportTime:
    """Seconds that the command takes to export a model to ONNX and prove the graph, and the goal for `wall`."""

    name: str
    wall: float
    cpu: float
    goal: float


def time_exports() -> list[ExportTime]:
    """Export the demo model and the full-size network on all cores of this process."""
    with tempfile.TemporaryDirectory() as folder:
        full_size = Path(folder) / "r50.safetensors"
        save_checkpoint(reference_checkpoint(), full_size)
        return [time_export("demo model", DEMO, 25), time_export("full-size network", full_size, 150)]


def time_export(name: str, checkpoint: Path, goal: float) -> ExportTime:
    """Run the command for a checkpoint, with a model store that is removed afterwards."""
    before, start = _cpu_of_children(), time.monotonic()
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", "export", str(checkpoint), "--name", "timed", "--store", store]
        subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
        return ExportTime(name, time.monotonic() - start, _cpu_of_children() - before, goal)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class EinsumInterlace(nn.Module):
    """Interlacing in its plain form: a slice, an einsum over frames, weights, a concatenation."""

    def __init__(self, interlace: TemporalInterlace) -> None:
        super().__init__()
        self.interlace = interlace

    def forward(self, features: Tensor) -> Tensor:
        """[N * T, C, H, W] to the same shape."""
        num_frames, channels = self.interlace.num_frames, self.interlace.num_channels
        quarter, rest = features.tensor_split([channels], dim=1)
        offsets, weights = self.interlace.plan(quarter)
        frame = torch.arange(num_frames)
        distance = (frame[:, None] - frame)[None, :, :, None]
        taps = torch.relu(1 - (distance - torch.cat([offsets, -offsets], dim=1)[:, None, None]).abs())
        groups = quarter.reshape(-1, num_frames, NUM_GROUPS, channels // NUM_GROUPS, *quarter.shape[2:])
        moved = torch.einsum("ntsg,nsgchw->ntgchw", taps, groups)
        weighed = moved * torch.cat([weights, weights], dim=2)[..., None, None, None]
        return torch.cat([weighed.reshape(quarter.shape), rest], dim=1)


def with_einsum(model: TIN) -> TIN:
    """Return a copy of the network that interlaces by einsum."""
    model = copy.deepcopy(model)
    for block in model.blocks:
        assert isinstance(block.interlace, TemporalInterlace)
        setattr(block, "interlace", EinsumInterlace(block.interlace))  # noqa: B010
    return model


def folded(model: TIN) -> TIN:
    """Return a copy of the network with batch normalisation folded into its convolutions."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, ConvNorm):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            setattr(module, "norm", nn.Identity())  # noqa: B010
    return model


def reference_checkpoint() -> Checkpoint:
    """Return the network with the weights of the recorded values."""
    tensors = from_mmaction2({name: torch.from_numpy(array) for name, array in tin_r50_tensors().items()})
    return Checkpoint(Architecture(num_classes=NUM_CLASSES), SPEC, tuple(map(str, range(NUM_CLASSES))), tensors)


def without_interlace(checkpoint: Checkpoint) -> TIN:
    """Return the network without interlacing."""
    architecture = replace(checkpoint.architecture, temporal=Temporal.NONE)
    tensors = {name: tensor for name, tensor in checkpoint.tensors.items() if "interlace" not in name}
    return replace(checkpoint, architecture=architecture, tensors=tensors).build_model()


def export_plainly(model: TIN) -> bytes:
    """Return normalisation and network exported by `torch.onnx.export` alone, with a dynamic number of clips."""
    example = torch.zeros((2, SPEC.num_frames, SPEC.crop, SPEC.crop, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            nn.Sequential(Normalise(SPEC), model).eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["clips"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("num_clips", min=1)},),
            verbose=False,
        )
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    return graph


def in_onnx_runtime(graph: bytes) -> Form:
    """Return the graph as a form, in a session of one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda clips: session.run(["logits"], {"clips": clips})[0]


def in_torch(model: TIN) -> Form:
    """Return the plain network as a form, with its batch normalisation."""
    network = nn.Sequential(Normalise(SPEC), model).eval()

    @torch.inference_mode()
    def run(clips: Clips) -> Logits:
        return np.asarray(network(torch.from_numpy(clips)).numpy())

    return run


def make_forms(clips: Clips) -> dict[str, Form]:
    """Return every form of the network, by name; int8 is calibrated on the clips."""
    checkpoint = reference_checkpoint()
    model = checkpoint.build_model()
    exported = to_onnx(checkpoint)
    return {
        EXPORTED: in_onnx_runtime(exported),
        BARE: in_onnx_runtime(export_plainly(folded(without_interlace(checkpoint)))),
        EINSUM: in_onnx_runtime(export_plainly(with_einsum(model))),
        EAGER: in_torch(model),
        INT8: in_onnx_runtime(to_int8(exported, clips[:, None])),
    }


def largest_difference(forms: dict[str, Form], clips: Clips) -> float:
    """Return the largest difference of the logits of SAME_NETWORK."""
    first, *others = [forms[name](clips) for name in SAME_NETWORK]
    return max(float(np.abs(first - other).max()) for other in others)


def measure(forms: dict[str, Form], clip: Clips, rounds: int) -> dict[str, list[float]]:
    """Return milliseconds of CPU time of every form in every round."""
    times: dict[str, list[float]] = {name: [] for name in forms}
    names = list(forms)
    for number in track(range(rounds), "rounds"):
        turned = number % len(names)
        for name in names[turned:] + names[:turned]:
            start = time.process_time()
            forms[name](clip)
            times[name].append((time.process_time() - start) * 1000)
    return times


def print_exports(exports: list[ExportTime], console: Console) -> None:
    """Print the seconds of each export with their goals."""
    table = Table("export and proof", "s", "s of CPU time", "goal", "")
    for each in exports:
        verdict = "met" if each.wall <= each.goal else "missed"
        table.add_row(each.name, f"{each.wall:.0f}", f"{each.cpu:.0f}", f"at most {each.goal:g} s", verdict)
    console.print(table)


def print_tables(medians: dict[str, float], console: Console) -> None:
    """Print the medians, then the ratios with their goals."""
    forms = Table("form", "ms")
    for name, median in medians.items():
        forms.add_row(name, f"{median:.1f}")
    goals = Table("", "times", "goal", "")
    for goal in GOALS:
        bound = f"at {'most' if goal.is_upper_bound else 'least'} {goal.bound:.2f}"
        goals.add_row(goal.name, f"{goal.ratio(medians):.2f}", bound, "met" if goal.is_met(medians) else "missed")
    console.print(forms, goals)


def write_results(
    exports: list[ExportTime], times: dict[str, list[float]], medians: dict[str, float], difference: float, out: Path
) -> Path:
    """Write all figures as JSON, named by today's date; return the path.

    Args:
        exports: seconds of each export.
        times: milliseconds of every round, by form.
        medians: their medians.
        difference: largest difference of logits.
        out: folder of the file.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"export-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json"
    facts = {
        "machine": {
            "processor": cpu_name(),
            "vnni": sorted(flag for flag in cpu_flags() if "vnni" in flag),
            "python": platform.python_version(),
        },
        "versions": versions_of(PACKAGES),
        "exports": [vars(each) for each in exports],
        "max_abs_logit_difference": difference,
        "median_ms": medians,
        "goals": [{**vars(goal), "ratio": goal.ratio(medians), "is_met": goal.is_met(medians)} for goal in GOALS],
        "milliseconds": times,
    }
    path.write_text(json.dumps(facts, indent=1) + "\n")
    return path


def main() -> None:
    """Time exports, then pin to one core, export, compare, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console()
    with console.status("timing exports"):
        exports = time_exports()
    print_exports(exports, console)
    stay_on_one_core()
    torch.set_num_threads(1)
    studio = Studio(0, num_textures=16)
    clips = np.stack([studio.draw_example(SPEC, difficulty=1.0)[0] for _ in range(NUM_CALIBRATION)])
    with console.status("exporting"):
        forms = make_forms(clips)
    difference = largest_difference(forms, clips[:2])
    if difference > LOGIT_TOLERANCE:
        raise SystemExit(f"the forms differ by {difference:.2g}: these times would compare nothing")
    times = measure(forms, clips[:1], arguments.rounds)
    medians = {name: statistics.median(of_form) for name, of_form in times.items()}
    print_tables(medians, console)
    console.print(write_results(exports, times, medians, difference, arguments.out))


if __name__ == "__main__":
    main()
