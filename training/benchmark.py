"""`python -m training.benchmark RECIPE`: what a recipe's network costs, alone, without reading or decoding a video."""

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
from training.recipes.recipe import Recipe, load_recipe

WARMUP_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class NetworkCost:
    """What the network costs in float32 (on a GPU torch takes TF32 for convolutions), by video of one view."""

    device: str
    torch: str
    batch_size: int
    rounds: int
    videos_per_second: float
    milliseconds: float
    peak_bytes: int
    """Weights, frames and features together: on a GPU all tensors, on the CPU by how much the process grew."""
    flops: int
    """A multiplication and an addition are two. MMAction2's tables count them as one."""
    parameters: int
    values: int
    """Parameters and the statistics of batch normalisation: what a checkpoint holds."""


def measure(recipe: Recipe, *, batch_size: int, device: torch.device, rounds: int) -> NetworkCost:
    """The cost of the recipe's network with random weights; raises DeviceError when the memory is too small.

    On the CPU the peak is right only in a process that has not used more memory before.
    """
    peak_before = peak_bytes(device)
    try:
        model = build_model(recipe).to(device).eval()
        seconds = statistics.median(round_seconds(model, random_frames(recipe.clip, batch_size, device), rounds))
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise DeviceError(
                f"batches of {batch_size} do not fit the memory of {device}; take smaller ones"
            ) from error
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
    """Normalised noise, float32 [N, T, 3, H, W], laid out in memory as the frames of a decoded clip are."""
    shape = (batch_size, spec.num_frames, spec.crop, spec.crop, 3)
    noise = torch.randint(256, shape, dtype=torch.uint8, device=device)
    frames: Tensor = Normalise(spec).to(device)(noise)
    return frames


@torch.inference_mode()
def round_seconds(model: TIN, frames: Tensor, rounds: int) -> Iterator[float]:
    """The wall time of each of `rounds` forward passes, after WARMUP_ROUNDS others."""
    for number in range(WARMUP_ROUNDS + rounds):
        synchronise(frames.device)
        started = time.perf_counter()
        model(frames)
        synchronise(frames.device)
        if number >= WARMUP_ROUNDS:
            yield time.perf_counter() - started


def count_flops(model: TIN, spec: ClipSpec) -> int:
    """Floating-point operations of one video, a multiply-add as two, interlacing in its plain form.

    Counted from shapes: convolutions and matrix products, not additions, normalisation, activations and pooling.
    """
    shapes_only = copy.deepcopy(model).to("meta")
    frames = torch.empty(1, spec.num_frames, 3, spec.crop, spec.crop, device="meta")
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        shapes_only(frames)
    return int(counter.get_total_flops())


def main(
    recipe: Annotated[str, typer.Argument(help="A recipe's name in training/recipes, or the path of a YAML file.")],
    override: Annotated[list[str] | None, typer.Option("--set", help="Override: model.depth=34")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Videos in a forward pass.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    rounds: Annotated[int, typer.Option(min=1, help="Forward passes, of which the median counts.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
) -> None:
    """Measure the recipe's network alone, with random weights: speed, peak memory, operations and parameters."""
    with errors_as_exit_codes():
        chosen, place = load_recipe(recipe, override), find_device(device)
        cost = measure(chosen, batch_size=batch_size, device=place, rounds=rounds)
        if out is not None:
            replace_json(out, {"recipe": chosen.name, **asdict(cost)})
    _print(chosen, cost, place)


def _print(recipe: Recipe, cost: NetworkCost, device: torch.device) -> None:
    memory = "tensors on the GPU" if device.type == "cuda" else "what the process grew by in RAM"
    side = recipe.clip.crop
    table = Table("", cost.device, title=f"{recipe.name}, {recipe.clip.num_frames} x {side} x {side}, float32")
    table.add_row(f"speed at batch {cost.batch_size}, median of {cost.rounds}", f"{cost.videos_per_second:.2f} video/s")
    table.add_row("time for a video", f"{cost.milliseconds:.1f} ms")
    table.add_row(f"peak memory, {memory}", f"{cost.peak_bytes / 1e6:.0f} MB")
    table.add_row("operations for a video, a multiply-add as two", f"{cost.flops / 1e9:.2f} GFLOPs")
    table.add_row("the same, a multiply-add as one", f"{cost.flops / 2e9:.2f} GMACs")
    table.add_row("parameters", f"{cost.parameters:,}")
    table.add_row("values in a checkpoint, with normalisation's", f"{cost.values:,}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
