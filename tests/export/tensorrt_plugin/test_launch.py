"""Launch parameters of the kernels, by shape, precision and layout."""

import pytest

from export.precision import Precision
from export.tensorrt_plugin.launch import Layout, interlace_launch


@pytest.mark.parametrize(
    ("shape", "precision", "layout", "kernel", "run", "blocks"),
    [
        ((64, 56, 56), Precision.FP32, Layout.LINEAR, "interlace_fp32_x4", 16 * 56 * 56, 392),
        ((64, 56, 56), Precision.FP16, Layout.LINEAR, "interlace_fp16_x8", 16 * 56 * 56, 196),
        ((64, 56, 56), Precision.FP16, Layout.HWC8, "interlace_fp16_x8", 16, 196),
        ((16, 56, 56), Precision.FP16, Layout.HWC8, "interlace_fp16_x4", 4, 98),
        ((4, 7, 7), Precision.FP16, Layout.LINEAR, "interlace_fp16_x1", 49, 2),
    ],
)
def test_the_widest_vector_that_stays_in_its_group_is_taken(shape, precision, layout, kernel, run, blocks):
    launch = interlace_launch(shape, precision, layout)
    assert (launch.kernel, launch.run, launch.blocks) == (kernel, run, blocks)
    assert launch.frame_size == shape[0] * shape[1] * shape[2]


def test_channels_that_hwc8_would_pad_are_refused():
    with pytest.raises(ValueError, match="12 channels"):
        interlace_launch((12, 7, 7), Precision.FP16, Layout.HWC8)


@pytest.mark.parametrize("shape", [(6, 7, 7), (16, -1, 7), (0, 7, 7)])
def test_shapes_that_cannot_be_interlaced_are_refused(shape):
    with pytest.raises(ValueError, match=str(shape[0])):
        interlace_launch(shape, Precision.FP32, Layout.LINEAR)
