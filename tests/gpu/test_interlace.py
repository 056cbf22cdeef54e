"""Tests of the engines' PTX on a GPU against the definition of interlacing."""

import pytest
import torch

from clips.clip_spec import ClipSpec
from export.graph.split_network import SplitNetwork, interlace_by_hat
from export.precision import Precision
from tests.gpu.device import why_not
from tests.gpu.steps.backends.interlace_cost import by_kernel
from tests.helpers.plugin.cases import cases_of
from tests.helpers.training.networks import lively
from training.model.tin import Architecture

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module", params=[8, 1, 5])
def kernels(request):
    from tests.gpu.kernel import Kernels  # noqa: PLC0415

    torch.zeros(1, device="cuda")
    return request.param, Kernels(request.param)


@pytest.mark.parametrize("precision", Precision)
def test_the_ptx_interlaces(kernels, precision):
    num_frames, loaded = kernels
    for case in cases_of(precision, num_frames):
        inputs = [tensor.cuda() for tensor in (case.features, case.offsets, case.weights)]
        output = loaded.launch(case.launch, *inputs)
        case.check(output.cpu())


def test_a_network_answers_the_same_with_the_kernel():
    architecture, spec = Architecture(num_classes=6, depth=18, width=0.25), ClipSpec(crop=64)
    model = lively(architecture)
    clips = torch.randint(0, 256, (2, 8, 64, 64, 3), dtype=torch.uint8, device="cuda")
    answers = []
    for move in (interlace_by_hat, by_kernel):
        network = SplitNetwork(model, spec, move, torch.float16).eval().cuda()
        with torch.inference_mode():
            answers.append(network.to(memory_format=torch.channels_last)(clips)["logits"])  # type: ignore[call-overload]
    torch.testing.assert_close(*answers, atol=1e-2, rtol=1e-2)
