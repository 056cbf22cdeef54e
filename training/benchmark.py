"""`python -m training.benchmark RECIPE`: speed, memory, FLOPs and parameters of a recipe's network alone."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from clips.clip_spec import ClipSpec
from training.engine.build_model import build_model
from training.engine.device import DeviceError, device_name, find_device, is_out_of_memory, peak_bytes, synchronise
from training.exit_codes import errors_as_exit_codes
from training.files import replace_json
from training.model.tin import TIN, Normalise
from training.recipes.completion import complete_recipe
from training.recipes.recipe import Recipe

WARMUP_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class NetworkCost:
    """Cost of a network in float32 (TF32 for convolutions on a GPU); a video has one view."""

    device: str
    torch: str
    batch_size: int
    rounds: int
    videos_per_second: float
    milliseconds: float
    peak_bytes: int
    """Peak memory of weights, frames and features: of tensors on a GPU, the process's growth on the CPU."""
    flops: int
    """A multiply-add counts as two; in MMAction2's tables as one."""
    parameters: int
    values: int
    """Parameters and running statistics of batch normalisation, as in a checkpoint."""


def measure(recipe: Recipe, *, batch_size: int, device: torch.device, rounds: int) -> NetworkCost:
    """Measure the recipe's network with random weights.

    Args:
        recipe: The recipe.
        batch_size: Videos in a forward pass.
        device: The device to run on. The CPU's peak is right only in a process that has not used more memory before.
        rounds: Forward passes; the median of their times counts.

    Raises:
        DeviceError: The device's memory is too small.
    """
    peak_before = peak_bytes(device)
    try:
        model = build_model(recipe).to(device).eval()
        seconds = statistics.median(round_seconds(model, random_frames(recipe.clip, batch_size, device), rounds))
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise DeviceError(f"batches of {batch_size} do not fit the memory of {device}; use smaller ones") from error
        raise
    return NetworkCost(
        device=device_name(device),
        torch=torch.__version__,
        batch_size=batch_size,
        rounds=rounds,
        videos_per_second=batch_size / seconds,
        milliseconds=1000 * seconds / batch_size,
        peak_bytes=peak_bytes(device) - peak_before,
        flops=count_flops(model, recipe.clip),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        values=sum(tensor.numel() for tensor in model.state_dict().values()),
    )


def random_frames(spec: ClipSpec, batch_size: int, device: torch.device) -> Tensor:
    """Make normalised noise, float32 [N, T, 3, H, W], with the strides of decoded clips."""
    shape = (batch_size, spec.num_frames, spec.crop, spec.crop, 3)
    noise = torch.randint(256, shape, dtype=torch.uint8, device=device)
    frames: Tensor = Normalise(spec).to(device)(noise)
    return frames


@torch.inference_mode()
def round_seconds(model: TIN, frames: Tensor, rounds: int) -> Iterator[float]:
    """Yield the wall times of `rounds` forward passes, after WARMUP_ROUNDS others."""
    for number in range(WARMUP_ROUNDS + rounds):
        synchronise(frames.device)
        started = time.perf_counter()
        model(frames)
        synchronise(frames.device)
        if number >= WARMUP_ROUNDS:
            yield time.perf_counter() - started


def count_flops(model: TIN, spec: ClipSpec) -> int:
    """Count the floating-point operations of a video, a multiply-add as two, with interlacing in its plain form.

    Counts convolutions and matrix products from their shapes; not additions, normalisation, activations and pooling.
    """
    shapes_only = copy.deepcopy(model).to("meta")
    frames = torch.empty(1, spec.num_frames, 3, spec.crop, spec.crop, device="meta")
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        shapes_only(frames)
    return int(counter.get_total_flops())


def main(
    recipe: Annotated[str, typer.Argument(help="Name in training/recipes, or path of a YAML file.")],
    override: Annotated[list[str] | None, typer.Option("--set", help="Override a key: model.depth=34.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Videos in a forward pass.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    rounds: Annotated[int, typer.Option(min=1, help="Forward passes; the median time counts.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
) -> None:
    """Measure speed, peak memory, FLOPs and parameters of a recipe's network, with random weights and no videos."""
    with errors_as_exit_codes():
        chosen, found = complete_recipe(recipe, override), find_device(device)
        cost = measure(chosen, batch_size=batch_size, device=found, rounds=rounds)
        if out is not None:
            replace_json(out, {"recipe": chosen.name, **asdict(cost)})
    Console().print(_cost_table(chosen, cost, found))


def _cost_table(recipe: Recipe, cost: NetworkCost, device: torch.device) -> Table:
    memory = "tensors on the GPU" if device.type == "cuda" else "growth of the process in RAM"
    side = recipe.clip.crop
    table = Table("", cost.device, title=f"{recipe.name}, {recipe.clip.num_frames} x {side} x {side}, float32")
    table.add_row(f"speed at batch {cost.batch_size}, median of {cost.rounds}", f"{cost.videos_per_second:.2f} video/s")
    table.add_row("time per video", f"{cost.milliseconds:.1f} ms")
    table.add_row(f"peak memory, {memory}", f"{cost.peak_bytes / 1e6:.0f} MB")
    table.add_row("operations per video, a multiply-add as two", f"{cost.flops / 1e9:.2f} GFLOPs")
    table.add_row("operations per video, a multiply-add as one", f"{cost.flops / 2e9:.2f} GMACs")
    table.add_row("parameters", f"{cost.parameters:,}")
    table.add_row("values in a checkpoint, with running statistics", f"{cost.values:,}")
    return table


if __name__ == "__main__":
    typer.run(main)
