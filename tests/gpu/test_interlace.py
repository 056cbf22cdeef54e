"""Tests of the engines' PTX on a GPU against the definition of interlacing."""

import pytest
import torch

from export.precision import Precision
from tests.benchmarks.bench_gpu import kernel_instead_of_torch
from tests.gpu.device import why_not
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


def test_the_torch_model_answers_the_same_with_the_kernel():
    architecture = Architecture(num_classes=6, depth=18, width=0.25)
    model = lively(architecture).cuda().half().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    frames = torch.randn(2, 8, 3, 64, 64, device="cuda").half()
    with torch.inference_mode():
        expected = model(frames)
        with kernel_instead_of_torch():
            answer = model(frames)
    torch.testing.assert_close(answer, expected, atol=1e-2, rtol=1e-2)
