import json
import re

import pytest

from tests.helpers.training.official_files import (
    STHV1_LABELS,
    STHV2_LABELS,
    write,
    write_kinetics400,
    write_sthv1,
    write_sthv2,
)
from training.lists.annotations import AnnotationError, read_kinetics400, read_sthv1, read_sthv2

ROWS = (
    ("testifying", "---QUuC4vJs", "84", "94"),
    ("abseiling", "0wR5jVB-WPk", "417.0", "427.0"),
    ("abseiling", "3caPS4FHFF8", "36", "46"),
)


@pytest.mark.parametrize(
    ("names", "last_column"),
    [
        (("train.csv", "validate.csv"), "split"),
        (("kinetics_train.csv", "kinetics_val.csv"), "split"),
        (("kinetics-400_train.csv", "kinetics-400_val.csv"), "split,is_cc"),
    ],
)
def test_kinetics400_numbers_sorted_classes_and_names_files_as_its_downloader(tmp_path, names, last_column):
    folder = write_kinetics400(tmp_path, ROWS[:2], ROWS[2:], names=names, last_column=last_column)
    annotations = read_kinetics400(folder)
    assert annotations.labels == ("abseiling", "testifying")
    assert annotations.splits == {
        "train": (("---QUuC4vJs_000084_000094", 1), ("0wR5jVB-WPk_000417_000427", 0)),
        "val": (("3caPS4FHFF8_000036_000046", 0),),
    }


def test_kinetics400_takes_quoted_labels(tmp_path):
    folder = write_kinetics400(
        tmp_path, [('"passing, (in game)"', "a", "1", "2")], [('"passing, (in game)"', "b", "1", "2")]
    )
    assert read_kinetics400(folder).labels == ("passing, (in game)",)


def test_sthv1_numbers_classes_in_the_order_of_the_label_file(tmp_path):
    annotations = read_sthv1(write_sthv1(tmp_path, [("100218", 2), ("24413", 0)], [("74225", 1)]))
    assert annotations.labels == STHV1_LABELS != tuple(sorted(STHV1_LABELS))
    assert annotations.splits == {"train": (("100218", 2), ("24413", 0)), "val": (("74225", 1),)}


def test_sthv2_looks_templates_up_without_their_brackets(tmp_path):
    annotations = read_sthv2(write_sthv2(tmp_path, [("78687", 1)], [("42326", 0), ("78687", 1)]))
    assert annotations.labels == STHV2_LABELS
    assert annotations.splits == {"train": (("78687", 1),), "val": (("42326", 0), ("78687", 1))}
    assert annotations.names() == ["78687", "42326"]


def test_sthv2_numbers_classes_as_the_label_file_does(tmp_path):
    write_sthv2(tmp_path, [("1", 0)], [("2", 1)])
    write(tmp_path / "something-something-v2-labels.json", json.dumps({STHV2_LABELS[0]: "1", STHV2_LABELS[1]: "0"}))
    annotations = read_sthv2(tmp_path)
    assert annotations.labels == STHV2_LABELS[::-1]
    assert annotations.splits["train"] == (("1", 1),)


READERS = {"kinetics400": read_kinetics400, "sthv1": read_sthv1, "sthv2": read_sthv2}
V1, V2 = "something-something-v1", "something-something-v2"
COLUMNS = "label,youtube_id,time_start,time_end\n"


@pytest.fixture
def official(tmp_path):
    write_kinetics400(tmp_path / "kinetics400", ROWS, ROWS[1:])
    write_sthv1(tmp_path / "sthv1", [("1", 0)], [("2", 1)])
    write_sthv2(tmp_path / "sthv2", [("1", 0)], [("2", 1)])
    return tmp_path


@pytest.mark.parametrize(
    ("data_set", "file", "text", "message"),
    [
        ("kinetics400", "train.csv", "label,youtube_id,split\n", "line 1: .*time_start, time_end"),
        ("kinetics400", "train.csv", f"{COLUMNS}x,a,1,2\nx,b,1\n", "line 3: "),
        ("kinetics400", "train.csv", f"{COLUMNS}x,a,soon,2\n", "line 2: .*'soon'"),
        ("kinetics400", "val.csv", f"{COLUMNS}x,a,1,2\n", "line 2: .*'x'.*train.csv"),
        ("kinetics400", "val.csv", COLUMNS, "val.csv"),
        ("sthv1", f"{V1}-train.csv", "1;Holding something\n2 Holding\n", "line 2: '2 Holding'"),
        ("sthv1", f"{V1}-train.csv", "\n1;Unheard of\n", "line 2: .*'Unheard of'"),
        ("sthv1", f"{V1}-validation.csv", "../1;Holding something\n", r"line 1: .*'\.\./1'"),
        ("sthv1", f"{V1}-labels.csv", "Holding something\nHolding something\n", "labels.csv"),
        ("sthv1", f"{V1}-labels.csv", "", "labels.csv"),
        ("sthv2", f"{V2}-train.json", "[\n{,\n]", "line 2: "),
        ("sthv2", f"{V2}-train.json", '{"id": "1"}', "train.json"),
        ("sthv2", f"{V2}-train.json", '[{"id": "1"}]', "item 1: .*template"),
        ("sthv2", f"{V2}-train.json", '[{"id": 1, "template": "Hold [it]"}]', "item 1: .* 1 "),
        ("sthv2", f"{V2}-validation.json", '[{"id": "1", "template": "Hold [it]"}]', "item 1: .*'Hold it'"),
        ("sthv2", f"{V2}-labels.json", '{"a": "0", "b": "2"}', "labels.json"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_named_with_its_line(official, data_set, file, text, message):
    path = official / data_set / file
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=message) as raised:
        READERS[data_set](path.parent)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("data_set", "file", "wanted"),
    [
        ("kinetics400", "val.csv", "*val.csv or *validate.csv"),
        ("sthv1", f"{V1}-labels.csv", "*labels.csv"),
        ("sthv2", f"{V2}-train.json", "*train.json"),
    ],
)
def test_a_missing_file_is_named(official, data_set, file, wanted):
    (official / data_set / file).unlink()
    with pytest.raises(AnnotationError, match=re.escape(wanted)):
        READERS[data_set](official / data_set)


def test_two_files_that_could_be_meant_are_an_error(official):
    write(official / "sthv1" / "another-train.csv", "")
    with pytest.raises(AnnotationError, match=r"another-train\.csv, something-something-v1-train\.csv"):
        read_sthv1(official / "sthv1")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(AnnotationError, match=str(tmp_path / "none")):
        read_sthv2(tmp_path / "none")


def test_a_file_of_another_encoding_is_an_error(official):
    (official / "sthv1" / f"{V1}-labels.csv").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(AnnotationError, match=r"labels\.csv .*decode"):
        read_sthv1(official / "sthv1")
