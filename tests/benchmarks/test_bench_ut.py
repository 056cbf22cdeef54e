from xml.etree import ElementTree

import pytest
import torch

from tests.benchmarks.bench_ut import DEMO, OneSet, start_of
from tests.benchmarks.ut_interaction.figures import SetFigures, mean_of
from tests.benchmarks.ut_interaction.plot import plot_accuracies
from training.checkpoints.checkpoint import load_checkpoint
from training.engine.build_model import load_weights
from training.model.tin import TIN, Temporal


def figures(network, seed, name, accuracy):
    return SetFigures(network, seed, name, 60, accuracy, 0.3, 0.4, 1.0, 1.5, [[1, 0], [0, 1]])


FIGURES = [
    figures("TIN", 0, "set1", 0.9),
    figures("TIN", 0, "set2", 0.8),
    figures("TIN", 1, "set1", 1.0),
    figures("TIN", 1, "set2", 0.7),
    figures("TSN", 0, "set1", 0.5),
    figures("TSN", 0, "set2", 0.4),
]


def test_a_set_is_read_without_the_other(tmp_path):
    rows = ["file,label,subject,set,fold"]
    for number, (name, label) in enumerate([("set1", "hug"), ("set1", "kick"), ("set2", "hug")]):
        (tmp_path / f"{number}.avi").touch()
        rows.append(f"{number}.avi,{label},seq{number},{name},0")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    chosen = OneSet(tmp_path / "labels.csv", group="subject", ignore=("set", "fold"), name="set1").read()
    assert [(clip.path.name, clip.group) for clip in chosen.clips] == [("0.avi", "seq0"), ("1.avi", "seq1")]


@pytest.mark.parametrize("temporal", Temporal)
def test_every_network_starts_from_the_same_convolutions(tmp_path, temporal):
    start = start_of(temporal, DEMO, tmp_path)
    assert start.architecture.temporal is temporal
    model = TIN(start.architecture)
    load_weights(model, load_path(start.weights), as_start=True)
    original = load_checkpoint(DEMO).tensors
    convolutions = {name: tensor for name, tensor in model.state_dict().items() if ".convs." in name}
    assert convolutions
    assert all(torch.equal(tensor, original[name]) for name, tensor in convolutions.items())


def load_path(weights):
    return DEMO.parent / weights


def test_means_are_over_seeds_and_clips():
    assert mean_of(FIGURES, "TIN", "set1", "accuracy") == pytest.approx(0.95)
    assert mean_of(FIGURES, "TIN", "both", "accuracy") == pytest.approx(0.85)
    assert mean_of(FIGURES, "TSN", "both", "shuffled") == pytest.approx(0.3)


def test_the_plot_has_a_bar_for_each_network_and_set_and_a_dot_for_each_seed():
    svg = ElementTree.fromstring(plot_accuracies(FIGURES))
    tags = [element.tag.rpartition("}")[2] for element in svg]
    published, legend_bars, legend_dots = 1, 3, 1
    assert tags.count("rect") == 4 + published + legend_bars
    assert tags.count("circle") == len(FIGURES) + legend_dots
