"""`python -m training.evaluate RECIPE CHECKPOINT`: accuracy of a checkpoint on a recipe's validation set."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from clips.clip_spec import ClipSpec
from training.checkpoints.checkpoint import SUFFIX, CheckpointError
from training.engine.distributed import joined_processes
from training.engine.evaluation import ClipScores, Cost, Metric
from training.exit_codes import errors_as_exit_codes
from training.files import replace_file, replace_json
from training.recipes.completion import complete_recipe
from training.recipes.protocol import Protocol, with_protocol
from training.reports.evaluation import Evaluation, calibrate_checkpoint, evaluate_checkpoint
from training.reports.reliability import Reliability
from training.reports.report_folder import facts_of, write_report
from training.reports.threshold import FEWEST_CLIPS


def main(
    recipe: Annotated[str, typer.Argument(help="Name in training/recipes, or path of a YAML file.")],
    checkpoint: Annotated[Path, typer.Argument(help=".safetensors file of this project, or published .pth file.")],
    further: Annotated[list[Metric] | None, typer.Argument(metavar="[METRIC]...", help="More for --eval.")] = None,
    metrics: Annotated[list[Metric] | None, typer.Option("--eval", help="Metric.", show_default="all")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
    scores_out: Annotated[
        Path | None, typer.Option("--scores", help="Also write the probabilities and label of every clip (.npz).")
    ] = None,
    protocol: Annotated[
        Protocol | None,
        typer.Option(
            help="Views of a clip: fast is one centre crop; accurate is the recipe's, as in the best published tables.",
            show_default="the recipe's clip",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write report.html and report.json to this folder: classes, confusions, worst clips."),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Fit temperature and threshold; write them into the checkpoint's JSON.")
    ] = False,
    override: Annotated[list[str] | None, typer.Option("--set", help="Override a key: data.batch_size=32.")] = None,
) -> None:
    """Print a checkpoint's accuracy and its cost.

    The probabilities of a clip's views are averaged. Under torchrun the evaluation is sharded and gives the same
    figures.
    """
    with errors_as_exit_codes(), joined_processes() as processes:
        chosen = complete_recipe(recipe, override, weights=str(checkpoint))
        chosen = with_protocol(chosen, protocol) if protocol else chosen
        if calibrate:
            _check_can_be_calibrated(checkpoint)
        done = evaluate_checkpoint(chosen, checkpoint, processes, with_orders=report is not None)
        if processes.is_first:
            done = _calibrate(done, checkpoint) if calibrate else done
            figures = done.scores.measure([*(metrics or []), *(further or [])] or list(Metric))
            facts = facts_of(done, checkpoint, protocol or "recipe")
            Console().print(_figures_table(figures, done.cost))
            Console().print(_in_words(done.cost, chosen.clip), highlight=False, soft_wrap=True)
            _write(figures | facts, done.scores, out, scores_out)
            if report is not None:
                page = write_report(done, facts, report)
                Console().print(f"report: {page}", highlight=False, soft_wrap=True)


def _check_can_be_calibrated(checkpoint: Path) -> None:
    if checkpoint.suffix != SUFFIX:
        raise CheckpointError(
            f"{checkpoint}: --calibrate writes into a checkpoint of this project; make one with "
            "`python -m training.convert`"
        )


def _calibrate(done: Evaluation, checkpoint: Path) -> Evaluation:
    """Fit temperature and threshold, store them, print their effect, and return the evaluation with them."""
    calibrated = calibrate_checkpoint(done, checkpoint)
    temperature = calibrated.scores.temperature
    before, after = (_calibration_error(each.scores) for each in (done, calibrated))
    words = f"temperature {temperature:.4g}: expected calibration error {after:.1%}, before {before:.1%}"
    Console().print(words, _threshold_in_words(calibrated), sep="\n", highlight=False, soft_wrap=True)
    return calibrated


def _threshold_in_words(done: Evaluation) -> str:
    if done.threshold is None:
        return f"no threshold: it takes {FEWEST_CLIPS} clips that are named rightly"
    probabilities, labels = done.scores.probabilities, done.scores.labels
    is_right, is_likely = probabilities.argmax(1) == labels, probabilities.max(1) >= done.threshold
    kept, wrong = is_likely[is_right].mean(), is_likely[~is_right].sum()
    return (
        f"threshold {done.threshold:.4g}: {kept:.1%} of the right answers are likely, "
        f"and {wrong} of {(~is_right).sum()} wrong ones"
    )


def _calibration_error(scores: ClipScores) -> float:
    return Reliability.of(scores.probabilities, scores.labels).expected_calibration_error


def _write(result: dict[str, Any], scores: ClipScores, out: Path | None, scores_out: Path | None) -> None:
    if out is not None:
        replace_json(out, result)
    if scores_out is not None:
        content = io.BytesIO()
        np.savez_compressed(content, probabilities=scores.probabilities, labels=scores.labels)
        replace_file(scores_out, content.getvalue())


def _in_words(cost: Cost, clip: ClipSpec) -> str:
    views = "view" if cost.num_views == 1 else "views"
    return (
        f"{cost.num_views} {views} per clip ({clip.describe_views()}), {cost.forward_passes:,} forward passes"
        f"{' (frames in order, shuffled and reversed)' if cost.num_orders > 1 else ''}, "
        f"{cost.seconds_per_clip:.3g} s per clip"
    )


def _figures_table(figures: dict[str, float], cost: Cost) -> Table:
    table = Table(f"{cost.num_clips} clips", "share")
    for name, share in figures.items():
        table.add_row(name, f"{share:.2%}")
    return table


if __name__ == "__main__":
    typer.run(main)
