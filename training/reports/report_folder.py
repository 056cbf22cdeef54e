"""Report folder of an evaluation: the page `report.html`, and its figures as `report.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.files import replace_file, replace_json
from training.reports.evaluation import Evaluation
from training.reports.page import write_page
from training.reports.report import NUM_WORST_CLIPS, Report
from training.reports.worst_clips import worst_clips

PAGE, FIGURES = "report.html", "report.json"


def write_report(done: Evaluation, facts: dict[str, Any], folder: Path) -> Path:
    """Write the page and its figures, each atomically; return the page's path.

    Args:
        done: An evaluation with the controls of shuffled and reversed frames.
        facts: Those of `facts_of`.
        folder: The folder, which is made if it is missing.

    Raises:
        OSError: The folder cannot be written.
    """
    assert done.controls is not None
    epoch = done.recipe.epochs - 1
    worst = worst_clips(done.scores, done.source.labels, done.source, epoch, NUM_WORST_CLIPS)
    report = Report(done.recipe.name, done.source.labels, done.controls, tuple(worst), facts)
    replace_file(folder / PAGE, write_page(report).encode())
    replace_json(folder / FIGURES, report.to_json())
    return folder / PAGE


def facts_of(done: Evaluation, checkpoint: Path, protocol: str = "recipe") -> dict[str, Any]:
    """Return the facts that an evaluation's figures depend on, as plain values: clips, views, calibration, time."""
    cost = done.cost
    return {
        "clips": cost.num_clips,
        "checkpoint": checkpoint.name,
        "protocol": protocol,
        "views_per_clip": cost.num_views,
        "forward_passes": cost.forward_passes,
        "temperature": done.scores.temperature,
        "threshold": done.threshold,
        "seconds_per_clip": round(cost.seconds_per_clip, 4),
    }
