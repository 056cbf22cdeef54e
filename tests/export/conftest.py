import dataclasses
import hashlib

import pytest
import torch

from clips.spec import ClipSpec, View
from export.formats import FORMATS, Subject
from tests.export.test_split_residual import lively
from training.checkpoint import Checkpoint
from training.model import Architecture


@pytest.fixture(scope="session")
def checkpoint():
    """A small untrained network of six classes."""
    torch.manual_seed(0)
    architecture = Architecture(num_classes=6, depth=18, width=0.25)
    spec = ClipSpec(crop=32, view=View.SQUEEZE)
    model = lively(architecture)
    return Checkpoint(architecture, spec, tuple("abcdef"), model.state_dict(), {"metrics": {}})


@pytest.fixture
def subject(checkpoint):
    return Subject("letters", "1", checkpoint)


@pytest.fixture(scope="session")
def remembered():
    """The base format, which exports equal weights once only: an export takes seconds."""
    base, graphs = FORMATS["onnx"], {}

    def make(subject, folder):
        tensors = sorted(subject.checkpoint.tensors.items())
        key = hashlib.sha256(b"".join(tensor.numpy().tobytes() for _, tensor in tensors)).digest()
        if key not in graphs:
            graphs[key] = base.make(subject, folder)
        return graphs[key]

    return dataclasses.replace(base, make=make)


@pytest.fixture
def quick(monkeypatch, remembered):
    """Exports to the base format are remembered."""
    monkeypatch.setitem(FORMATS, "onnx", remembered)
