"""Benchmark of the export and of exported graphs of the full-size network (ResNet-50, 8 frames of 224, 174 classes).

    python -m tests.benchmarks.bench_export [--rounds 9] [--demo] [--exports] [--out FOLDER]

Each round runs every form of a network on the same clip, in rotating order, with one thread on one core; times are CPU
time, medians over the rounds. The weights of the full-size network are those of the recorded values. The demo model is
measured as well. Forms of the same network must have equal logits before any is timed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from clips.clip_spec import ClipSpec
from export.graph.int8 import to_int8
from export.graph.onnx_export import to_onnx
from service.backends.base import Clips
from tests.benchmarks.exported.forms import (
    SPEC,
    Form,
    export_plainly,
    folded,
    in_onnx_runtime,
    in_openvino,
    in_torch,
    reference_checkpoint,
    with_einsum,
    without_interlace,
)
from tests.helpers.measuring.machine import cpu_flags, cpu_name, stay_on_one_core, versions_of
from tests.helpers.paths import REPOSITORY
from training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from training.synthetic.studio import Studio

RESULTS = Path(__file__).parent / "results"
DEMO = REPOSITORY / "model_store" / "tin-motion" / "1" / "checkpoint.safetensors"
PACKAGES = ("torch", "onnx", "onnxruntime", "openvino", "numpy")
NUM_CALIBRATION = 8
LOGIT_TOLERANCE = 1e-4

EXPORTED, BARE, EINSUM, EAGER, INT8 = "exported", "exported, no interlace", "einsum export", "torch eager", "int8"
OPENVINO, OPENVINO_INT8 = "OpenVINO", "OpenVINO int8"
SAME_NETWORK = (EXPORTED, EINSUM, EAGER, OPENVINO)
DEMO_RUNS = 50
"""Runs of the demo model in a round: one alone is too short to time."""


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
    Goal("OpenVINO faster with fp32", EXPORTED, OPENVINO, 1.1),
    Goal("OpenVINO faster with int8", INT8, OPENVINO_INT8, 1.1),
)
DEMO_GOALS = (
    Goal("demo model: faster than torch eager", EAGER, EXPORTED, 1.6),
    Goal("demo model: int8 faster than fp32", EXPORTED, INT8, 1.1),
    Goal("demo model: OpenVINO faster with fp32", EXPORTED, OPENVINO, 1.1),
    Goal("demo model: OpenVINO faster with int8", INT8, OPENVINO_INT8, 1.1),
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


@dataclass(frozen=True)
class Measurement:
    """Milliseconds of CPU time of a clip, by form of a network and round, and the goals of their medians."""

    goals: tuple[Goal, ...]
    milliseconds: dict[str, list[float]]
    difference: float
    """Largest difference of the logits of SAME_NETWORK."""

    @property
    def medians(self) -> dict[str, float]:
        """Median over the rounds, by form."""
        return {name: statistics.median(of_form) for name, of_form in self.milliseconds.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the figures, the goals with their ratios, and the times of every round."""
        medians = self.medians
        return {
            "max_abs_logit_difference": self.difference,
            "median_ms": medians,
            "goals": [
                {**vars(goal), "ratio": goal.ratio(medians), "is_met": goal.is_met(medians)} for goal in self.goals
            ],
            "milliseconds": self.milliseconds,
        }


def measure_full_size(rounds: int, folder: Path) -> Measurement:
    """Export the full-size network, with int8 calibrated on rendered clips, and time its forms."""
    clips = draw_clips(SPEC)
    checkpoint = reference_checkpoint()
    model = checkpoint.build_model()
    exported = to_onnx(checkpoint)
    int8 = to_int8(exported, clips[:, None])
    forms = {
        EXPORTED: in_onnx_runtime(exported),
        BARE: in_onnx_runtime(export_plainly(folded(without_interlace(checkpoint)))),
        EINSUM: in_onnx_runtime(export_plainly(with_einsum(model))),
        EAGER: in_torch(model, SPEC),
        INT8: in_onnx_runtime(int8),
        OPENVINO: in_openvino(exported, folder),
        OPENVINO_INT8: in_openvino(int8, folder),
    }
    return measure(GOALS, forms, clips, rounds)


def measure_demo(rounds: int, folder: Path) -> Measurement:
    """Time the forms of the demo model, exported as it is in the model store."""
    checkpoint = load_checkpoint(DEMO)
    exported, int8 = (DEMO.with_name(name).read_bytes() for name in ("model.onnx", "model.int8.onnx"))
    forms = {
        EXPORTED: in_onnx_runtime(exported),
        EAGER: in_torch(checkpoint.build_model(), checkpoint.clip),
        INT8: in_onnx_runtime(int8),
        OPENVINO: in_openvino(exported, folder),
        OPENVINO_INT8: in_openvino(int8, folder),
    }
    return measure(DEMO_GOALS, forms, draw_clips(checkpoint.clip), rounds, runs=DEMO_RUNS)


def draw_clips(spec: ClipSpec) -> Clips:
    """Return rendered clips, uint8 [NUM_CALIBRATION, T, H, W, 3]."""
    studio = Studio(0, num_textures=16)
    return np.stack([studio.draw_example(spec, difficulty=1.0)[0] for _ in range(NUM_CALIBRATION)])


def measure(
    goals: tuple[Goal, ...], forms: dict[str, Form], clips: Clips, rounds: int, *, runs: int = 1
) -> Measurement:
    """Time every form in every round, in rotating order; forms of the same network must agree.

    Args:
        goals: goals of the forms' ratios.
        forms: the forms by name.
        clips: uint8 [N, T, H, W, 3]; the first is timed.
        rounds: number of rounds.
        runs: runs of a form in a round, whose mean is taken.
    """
    difference = largest_difference(forms, clips[:2])
    if difference > LOGIT_TOLERANCE:
        raise SystemExit(f"the forms differ by {difference:.2g}: these times would compare nothing")
    times: dict[str, list[float]] = {name: [] for name in forms}
    names = list(forms)
    for number in track(range(rounds), "rounds"):
        turned = number % len(names)
        for name in names[turned:] + names[:turned]:
            start = time.process_time()
            for _ in range(runs):
                forms[name](clips[:1])
            times[name].append((time.process_time() - start) * 1000 / runs)
    return Measurement(goals, times, difference)


def largest_difference(forms: dict[str, Form], clips: Clips) -> float:
    """Return the largest difference of the logits of SAME_NETWORK."""
    first, *others = [forms[name](clips) for name in SAME_NETWORK if name in forms]
    return max(float(np.abs(first - other).max()) for other in others)


def print_exports(exports: list[ExportTime], console: Console) -> None:
    """Print the seconds of each export with their goals."""
    table = Table("export and proof", "s", "s of CPU time", "goal", "")
    for each in exports:
        verdict = "met" if each.wall <= each.goal else "missed"
        table.add_row(each.name, f"{each.wall:.0f}", f"{each.cpu:.0f}", f"at most {each.goal:g} s", verdict)
    console.print(table)


def print_measurement(title: str, measured: Measurement, console: Console) -> None:
    """Print the medians, then the ratios with their goals."""
    medians = measured.medians
    forms = Table(title, "ms")
    for name, median in medians.items():
        forms.add_row(name, f"{median:.1f}")
    goals = Table("", "times", "goal", "")
    for goal in measured.goals:
        bound = f"at {'most' if goal.is_upper_bound else 'least'} {goal.bound:.2f}"
        goals.add_row(goal.name, f"{goal.ratio(medians):.2f}", bound, "met" if goal.is_met(medians) else "missed")
    console.print(forms, goals)


def write_results(name: str, measured: Measurement, out: Path, exports: Sequence[ExportTime] = ()) -> Path:
    """Write all figures of a network as JSON, named by today's date; return the path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json"
    flags = cpu_flags()
    facts = {
        "machine": {
            "processor": cpu_name(),
            "vnni": sorted(flag for flag in flags if "vnni" in flag),
            "avx2": "avx2" in flags,
            "python": platform.python_version(),
        },
        "versions": versions_of(PACKAGES),
        "exports": [vars(each) for each in exports],
        **measured.to_json(),
    }
    path.write_text(json.dumps(facts, indent=1) + "\n")
    return path


def main() -> None:
    """Pin to one core, export, compare, measure and print; first time exports on all cores if that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--demo", action="store_true", help="measure the demo model only (half a minute)")
    parser.add_argument("--exports", action="store_true", help="time exports with their proof too (minutes)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console()
    exports = time_exports() if arguments.exports else []
    if exports:
        print_exports(exports, console)
    stay_on_one_core()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        demo = measure_demo(arguments.rounds, Path(folder))
        print_measurement("demo model", demo, console)
        console.print(write_results("export-demo", demo, arguments.out))
        if not arguments.demo:
            full_size = measure_full_size(arguments.rounds, Path(folder))
            print_measurement("full-size network", full_size, console)
            console.print(write_results("export", full_size, arguments.out, exports))


if __name__ == "__main__":
    main()
