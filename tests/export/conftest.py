import pytest
import torch

from clips.spec import ClipSpec, View
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
