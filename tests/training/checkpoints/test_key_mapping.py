import pytest
import torch

from tests.helpers.training.foreign_files import CLASSES, from_mmaction2, reference_names
from training.checkpoints.key_mapping import KeyNaming, detect_naming, foreign_name, rename
from training.model.tin import TIN, Architecture, Temporal

PROJECTS = {
    "mmaction2": KeyNaming.MMACTION2,
    "tsm": KeyNaming.MMACTION2,
    "original": KeyNaming.ORIGINAL,
    "torchvision": KeyNaming.TORCHVISION,
}


@pytest.mark.parametrize(("project", "naming"), PROJECTS.items())
def test_every_projects_names_become_what_mmaction2s_become(project, naming):
    for name, foreign in reference_names(project).items():
        assert rename(foreign, naming) == rename(name, KeyNaming.MMACTION2), foreign


@pytest.mark.parametrize(("project", "naming"), PROJECTS.items())
def test_names_tell_whose_they_are(project, naming):
    names = list(reference_names(project).values())
    assert detect_naming(names) is naming
    assert detect_naming([name.removeprefix("module.") for name in names]) is naming


TEMPORAL = {"mmaction2": Temporal.TIN, "tsm": Temporal.TSM, "original": Temporal.TIN, "torchvision": Temporal.NONE}


@pytest.mark.parametrize(("project", "naming"), PROJECTS.items())
def test_every_name_finds_back_to_its_project(project, naming):
    for name in reference_names(project).values():
        assert foreign_name(rename(name, naming), naming, TEMPORAL[project]) == name.removeprefix("module.")


@pytest.mark.parametrize("wrapper", ["module.", "module.module."])
def test_a_wrapper_changes_nothing(wrapper):
    assert rename(f"{wrapper}backbone.conv1.conv.weight", KeyNaming.MMACTION2) == "stem.conv.weight"


def test_tsms_own_names_are_those_that_tin_grew_from():
    assert rename("module.base_model.layer2.1.conv1.net.weight", KeyNaming.ORIGINAL) == "stages.1.1.convs.0.conv.weight"


def test_names_of_nobody_known():
    assert detect_naming(["encoder.block.0.weight"]) is None


def test_mmaction2s_names_are_those_of_the_network():
    ours = from_mmaction2(dict.fromkeys(reference_names("mmaction2"), torch.zeros(())))
    assert ours.keys() == TIN(Architecture(num_classes=CLASSES)).state_dict().keys()
