import numpy as np
import pytest
import torch

from clips.scores import average_views
from tests.helpers.reference import golden_json
from training.engine.evaluation import ClipScores, Metric
from training.engine.metrics import cross_entropy, mean_class_accuracy, top_k_accuracy

GOLDEN = golden_json("metrics.json")


def scored(name):
    return np.array(GOLDEN[name]["scores"], float), np.array(GOLDEN[name]["labels"])


def test_metrics_equal_mmaction2s():
    expected = GOLDEN["scored"]
    scores, labels = scored("scored")
    assert top_k_accuracy(scores, labels, 1) == pytest.approx(expected["top1"], abs=1e-12)
    assert top_k_accuracy(scores, labels, 5) == pytest.approx(expected["top5"], abs=1e-12)
    assert mean_class_accuracy(scores, labels) == pytest.approx(expected["mean_class"], abs=1e-12)


def test_a_class_predicted_without_a_sample_lowers_the_mean():
    without = scored("scored")
    recall = GOLDEN["scored"]["mean_recall_over_labelled_classes"]
    assert mean_class_accuracy(*without) < recall - 0.05
    scores, labels = np.eye(4)[[0, 1, 1, 3]], np.array([0, 1, 0, 0])
    assert mean_class_accuracy(scores, labels) == pytest.approx((1 / 3 + 1 + 0) / 3, abs=1e-12)


@pytest.mark.parametrize("k", [1, 5])
def test_ties_stay_within_what_mmaction2_may_answer(k):
    lost, won = GOLDEN["tied"][f"top{k}_bounds"]
    scores, labels = scored("tied")
    assert lost <= top_k_accuracy(scores, labels, k) <= won
    assert mean_class_accuracy(scores, labels) == pytest.approx(GOLDEN["tied"]["mean_class"], abs=1e-12)


def test_of_equal_scores_the_lowest_index_comes_first():
    equal, labels = np.zeros((6, 174)), np.array([0, 1, 87, 172, 173, 100])
    assert top_k_accuracy(equal, labels, 1) == 1 / 6
    assert top_k_accuracy(equal, labels, 5) == 2 / 6
    assert top_k_accuracy(equal, labels, 174) == 1


def test_every_clip_of_uneven_batches_weighs_the_same():
    """deepcs233/TIN's AverageMeter reports the mean of the last two batches, which is wrong."""
    expected = GOLDEN["batches"]
    hits = np.concatenate([np.arange(n) < hit for hit, n in zip(expected["hits"], expected["sizes"], strict=True)])
    scores = np.stack([~hits, hits], axis=1).astype(np.float32)
    accuracy = 100 * top_k_accuracy(scores, np.ones(len(hits), int), 1)
    assert accuracy == pytest.approx(expected["accuracy_percent"], abs=1e-12)
    assert accuracy != pytest.approx(expected["average_meter_percent"], abs=1)


def test_views_are_averaged_as_mmaction2_does():
    views = GOLDEN["views"]
    logits = np.array(views["logits"]).reshape(-1, views["views_per_sample"], 3)
    np.testing.assert_allclose(average_views(logits), views["prob"], atol=1e-12)


def test_probabilities_of_a_whole_set_are_the_gateways_of_each_clip_to_the_bit():
    logits = np.random.default_rng(0).normal(size=(5, 3, 174)).astype(np.float32)
    scores = ClipScores(logits, np.zeros(5, int), np.arange(5), temperature=1.3)
    np.testing.assert_array_equal(scores.probabilities, [average_views(views, 1.3) for views in logits])


@pytest.mark.parametrize(("num_classes", "names"), [(5, ["top1_acc"]), (6, ["top1_acc", "top5_acc"])])
def test_top_5_needs_six_classes(num_classes, names):
    scores = ClipScores(np.zeros((2, 1, num_classes), np.float32), np.arange(2), np.arange(2))
    assert list(scores.measure([Metric.TOP_K_ACCURACY])) == names


def test_the_loss_is_the_cross_entropy_and_finite_where_a_label_has_no_probability():
    logits = np.random.default_rng(0).normal(size=(5, 1, 7)).astype(np.float32)
    labels = np.arange(5)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits[:, 0]), torch.from_numpy(labels))
    assert ClipScores(logits, labels, labels).loss == pytest.approx(expected.item(), rel=1e-6)
    assert 100 < cross_entropy(np.array([[1.0, 0.0]]), np.array([1])) < np.inf


@pytest.mark.parametrize(
    ("scores", "labels", "complaint"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "at least 1"),
        (np.zeros((2, 3)), np.zeros(3, int), r"\(2, 3\).*\(3,\)"),
        (np.zeros((2, 3)), np.array([0, 3]), "label 3 "),
        (np.zeros((2, 3)), np.array([0, -1]), "label -1 "),
        (np.array([[0.0, np.nan], [0.0, 1.0]]), np.array([0, 1]), " 1 clips"),
    ],
)
def test_what_cannot_be_counted_is_an_error(scores, labels, complaint):
    for metric in (lambda: top_k_accuracy(scores, labels, 1), lambda: mean_class_accuracy(scores, labels)):
        with pytest.raises(ValueError, match=complaint):
            metric()
