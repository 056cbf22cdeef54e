"""Tests of the engines' PTX on a GPU against the definition of interlacing."""

import pytest
import torch

from clips.clip_spec import ClipSpec
from export.graph.interlacing import Interlacer
from export.graph.split_network import SplitNetwork
from export.precision import Precision
from tests.gpu.device import why_not
from tests.gpu.steps.backends.interlace_cost import move_by_kernel, plan_by_kernel
from tests.helpers.plugin.cases import cases_of
from tests.helpers.plugin.plan_cases import plan_cases_of
from tests.helpers.training.networks import lively
from training.model.tin import Architecture

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module", params=[8, 1, 5])
def kernels(request):
    from tests.gpu.kernel import Kernels, PlanKernels  # noqa: PLC0415

    torch.zeros(1, device="cuda")
    return request.param, Kernels(request.param), PlanKernels(request.param)


@pytest.mark.parametrize("precision", Precision)
def test_the_ptx_interlaces(kernels, precision):
    num_frames, loaded, _ = kernels
    for case in cases_of(precision, num_frames):
        inputs = [tensor.cuda() for tensor in (case.features, case.offsets, case.weights)]
        output = loaded.launch(case.launch, *inputs)
        case.check(output.cpu())


@pytest.mark.parametrize("precision", Precision)
def test_the_ptx_plans(kernels, precision):
    num_frames, _, loaded = kernels
    for case in plan_cases_of(precision, num_frames):
        planned = loaded.launch(case.pooled.cuda(), [each.cuda() for each in case.parameters])
        case.check(*(each.cpu() for each in planned))


def test_a_network_answers_the_same_with_the_kernels():
    architecture, spec = Architecture(num_classes=6, depth=18, width=0.25), ClipSpec(crop=64)
    model = lively(architecture)
    clips = torch.randint(0, 256, (2, 8, 64, 64, 3), dtype=torch.uint8, device="cuda")
    answers = []
    for interlacer in (Interlacer(), Interlacer(plan_by_kernel, move_by_kernel)):
        network = SplitNetwork(model, spec, interlacer, torch.float16).eval().cuda()
        with torch.inference_mode():
            answers.append(network.to(memory_format=torch.channels_last)(clips)["logits"])  # type: ignore[call-overload]
    torch.testing.assert_close(*answers, atol=1e-2, rtol=1e-2)
