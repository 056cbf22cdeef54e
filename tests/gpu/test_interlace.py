"""The very PTX that goes into engines, on a GPU, against the definition."""

import pytest
import torch

from export.plugin.launch import Precision
from tests.export.plugin.cases import cases_of
from tests.gpu.device import why_not

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
