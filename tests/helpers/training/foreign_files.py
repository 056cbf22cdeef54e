"""State dictionaries with other projects' tensor names."""

import re

from tests.helpers.reference import golden_json
from training.checkpoints.key_mapping import KeyNaming, rename
from training.model.tin import TIN, Architecture

CLASSES = 174


def small_r50(temporal, **fields):
    """Make a narrow network of the depth of the reference names."""
    return TIN(Architecture(num_classes=CLASSES, width=0.25, temporal=temporal, **fields))


def reference_names(project):
    """Map MMAction2's names of a TIN-R50 to a project's names of the tensors that it has too."""
    names = golden_json("tin_r50_names.json")
    if project == "mmaction2":
        return {name: name for name in names}
    pairs = zip(names, golden_json("foreign_names.json")[project], strict=True)
    return {name: foreign for name, foreign in pairs if foreign is not None}


def from_mmaction2(tensors):
    """Rename tensors from MMAction2's names to this project's."""
    return {rename(name, KeyNaming.MMACTION2): tensor for name, tensor in tensors.items()}


def as_project(model, project):
    """Return the tensors of an R50 by a project's names."""
    tensors = model.state_dict()
    return {
        foreign: tensors[rename(name, KeyNaming.MMACTION2)].clone()
        for name, foreign in reference_names(project).items()
    }


def as_torchvision(model, head_classes=1000):
    """Return the tensors of a plain network of any depth by torchvision's names, with an ImageNet head."""
    tensors = {_torchvision_name(name): tensor for name, tensor in model.state_dict().items()}
    width = tensors.pop("head.weight").shape[1]
    head = {"fc.weight": tensors.pop("head.bias").new_zeros(head_classes, width)}
    return tensors | head | {"fc.bias": head["fc.weight"].new_zeros(head_classes)}


def _torchvision_name(name):
    name = re.sub(r"^stem\.(conv|norm)", lambda match: {"conv": "conv1", "norm": "bn1"}[match[1]], name)
    name = re.sub(r"^stages\.(\d)", lambda match: f"layer{int(match[1]) + 1}", name)
    name = re.sub(r"convs\.(\d)\.conv", lambda match: f"conv{int(match[1]) + 1}", name)
    name = re.sub(r"convs\.(\d)\.norm", lambda match: f"bn{int(match[1]) + 1}", name)
    return name.replace("shortcut.conv", "downsample.0").replace("shortcut.norm", "downsample.1")
