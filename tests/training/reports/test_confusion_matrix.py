"""Confusion matrix: counts, figures of the classes, and the picture."""

from xml.etree import ElementTree

import numpy as np
import pytest

from training.reports.confusion_matrix import ClassRow, Confusion, ConfusionMatrix

NAMES = ("push", "pull & <b>", "wave", "never seen")
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2])
ANSWERS = np.array([0, 0, 1, 1, 0, 2, 1, 1])


@pytest.fixture
def matrix():
    return ConfusionMatrix.of(LABELS, ANSWERS, NAMES)


def test_rows_are_labels_and_columns_are_answers(matrix):
    assert matrix.counts.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0]]


def test_each_class_has_precision_and_recall(matrix):
    assert list(matrix.class_rows()) == [
        ClassRow("push", 3, 2, 2 / 3, 2 / 3),
        ClassRow("pull & <b>", 2, 1, 1 / 4, 1 / 2),
        ClassRow("wave", 3, 1, 1.0, 1 / 3),
        ClassRow("never seen", 0, 0, None, None),
    ]


def test_the_most_frequent_confusions_come_first(matrix):
    assert matrix.most_confused(2) == [Confusion("wave", "pull & <b>", 2), Confusion("push", "pull & <b>", 1)]
    assert len(matrix.most_confused(10)) == 3
    assert ConfusionMatrix.of(LABELS, LABELS, NAMES).most_confused(10) == []


def cells_of(matrix):
    picture = ElementTree.fromstring(matrix.to_svg())
    return picture, [cell for cell in picture.iter("rect") if cell.get("class") != "frame"]


def test_a_cell_of_the_picture_is_one_count(matrix):
    picture, cells = cells_of(matrix)
    assert [cell.get("class") for cell in cells] == ["right", "wrong", "wrong", "right", "wrong", "right"]
    assert [text.text for text in picture.iter("text") if "count" in text.get("class", "")] == list("211121")
    assert float(cells[0].get("fill-opacity")) == pytest.approx(0.15 + 0.85 * 2 / 3, abs=0.01)
    assert float(cells[1].get("x")) - float(cells[0].get("x")) == pytest.approx(float(cells[0].get("width")))
    assert cells[4].findtext("title") == "wave, answered pull & <b>: 2 (67%)"


def test_174_classes_fit_the_picture_in_letters_of_8_units():
    names = [f"Pretending to take something from nowhere {number}" for number in range(174)]
    labels = np.arange(174)
    picture, cells = cells_of(ConfusionMatrix.of(labels, labels[::-1], names))
    size = float(picture.get("width"))
    assert len(cells) == 174
    assert all(0 <= float(cell.get("x")) <= size - float(cell.get("width")) for cell in cells)
    sizes = {float(text.get("font-size")) for text in picture.iter("text")}
    assert min(sizes) >= 8
    assert max(sizes) <= float(cells[0].get("width")), "names of neighbours do not overlap"
