import re

import pytest
import torch

from tests.helpers.paths import REPOSITORY
from training.model.tin import TIN, Architecture, Temporal
from training.zoo.catalogue import CATALOGUE, PublishedCheckpoint, UnknownName, find_published
from training.zoo.data_sets import IMAGENET

by_name = pytest.mark.parametrize("name", CATALOGUE)
VIDEO = [name for name, published in CATALOGUE.items() if published.data is not IMAGENET]


@by_name
def test_every_file_ends_in_its_digest_and_has_a_name_of_its_own(name):
    published = CATALOGUE[name]
    assert published.file.name.endswith(f"-{published.file.digest_start}.pth")
    assert published.url.endswith(f"/{published.file.name}")
    assert sum(each.file.name == published.file.name for each in CATALOGUE.values()) == 1


@pytest.mark.parametrize("name", VIDEO)
def test_a_release_has_its_own_folder_which_has_the_runs_name(name):
    published = CATALOGUE[name]
    is_first = "/mmaction/recognition/" in published.url
    assert ("/mmaction/v1.0/recognition/" in published.url) != is_first
    assert published.release == ("MMAction2 0.x" if is_first else "MMAction2 1.x")
    assert name.endswith("_1.x") != is_first
    folder, file = published.url.split("/")[-2:]
    assert re.fullmatch(rf"{re.escape(folder)}_\d{{8}}-[0-9a-f]{{8}}\.pth", file)


@pytest.mark.parametrize("name", VIDEO)
def test_the_number_of_parameters_is_that_of_the_network(name):
    published = CATALOGUE[name]
    architecture = Architecture(
        num_classes=published.data.num_classes,
        depth=101 if "r101" in name else 50,
        temporal=Temporal(name.split("_")[0]),
    )
    with torch.device("meta"):
        parameters = TIN(architecture).parameters()
    assert published.parameters == sum(each.numel() for each in parameters)
    assert published.size == 4 * published.parameters


@by_name
def test_a_description_is_plain(name):
    described = CATALOGUE[name].describe()
    assert {type(value) for value in described.values()} <= {str, float, int}
    assert described["top1"] < described["top5"] < 100


def test_a_file_without_a_digest_cannot_be_in_the_catalogue():
    published = PublishedCheckpoint("https://published.example/model.pth", "none", IMAGENET, 0, 0, 0)
    with pytest.raises(ValueError, match=r"model\.pth "):
        published.file  # noqa: B018


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownName, match=r"resnet5O.* resnet50"):
        find_published("resnet5O")


@by_name
def test_the_page_has_its_row(name):
    published = CATALOGUE[name]
    rows = [line.split(" | ") for line in (REPOSITORY / "docs" / "zoo.md").read_text().splitlines()]
    (row,) = [row for row in rows if row[0] == f"| `{name}`"]
    accuracies, protocol = f"{published.top1:.2f} / {published.top5:.2f}", f"{published.clips} x {published.crops}"
    assert row[1:5] == [published.data.title, accuracies, protocol, published.release]
