"""TSM-R50 with known weights, from MMAction2's file to the exported graph, against TSM written down once more."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from export.graph.onnx_export import outputs_of, trace
from export.graph.split_network import SplitNetwork
from tests.helpers.graphs.from_floats import FromFloats
from tests.helpers.reference import normalised_frames
from tests.helpers.tsm_reference import tsm_r50_logits, tsm_r50_tensors
from training.checkpoints.conversion import convert
from training.model.tin import Temporal


@pytest.fixture(scope="module")
def frames():
    return torch.from_numpy(normalised_frames(2))


@pytest.fixture(scope="module")
def logits(frames):
    weights = {name: tensor.double() for name, tensor in tsm_r50_tensors().items()}
    with torch.inference_mode():
        return tsm_r50_logits(weights, frames.double())


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    path = tmp_path_factory.mktemp("tsm") / "tsm_r50.pth"
    torch.save({"state_dict": tsm_r50_tensors()}, path)
    checkpoint, report = convert(path, tuple(map(str, range(174))))
    assert checkpoint.architecture.temporal is Temporal.TSM
    assert report.ignored == report.initialised == ()
    return checkpoint


def test_the_converted_network_is_tsm(converted, frames, logits):
    model = converted.build_model().double()
    with torch.inference_mode():
        torch.testing.assert_close(model(frames.double()), logits, atol=1e-12, rtol=0)
        torch.testing.assert_close(model.float()(frames), logits.float(), atol=5e-6, rtol=0)


def test_the_graph_is_tsm(converted, frames, logits):
    network = FromFloats(SplitNetwork(converted.build_model(), converted.clip)).eval()
    names = outputs_of(converted.architecture)
    graph = trace(network, torch.zeros(2, 8, 3, 224, 224), names).SerializeToString()
    outputs = ort.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(names, {"clips": frames.numpy()})
    np.testing.assert_allclose(outputs[0], logits, atol=5e-6)
    assert outputs[1].shape == (2, 2048)
