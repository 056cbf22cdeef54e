"""Plugin registration, driven by TensorRT's own Python layer."""

import importlib.util
import json
import shutil
import subprocess
import sys

import pytest

from export.tensorrt_plugin.compile import find_nvrtc
from export.tensorrt_plugin.launch import THREADS
from service.backends.tensorrt import DTYPE_NAMES
from tests.helpers.paths import REPOSITORY

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("tensorrt_bindings") is None, reason="needs tensorrt-cu13-bindings"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc for TensorRT's empty libraries"),
    pytest.mark.skipif(find_nvrtc() is None and shutil.which("nvcc") is None, reason="needs NVRTC or nvcc"),
]

LIBRARIES = ("libnvinfer", "libnvinfer_plugin", "libnvonnxparser")
FUNCTIONS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
)


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """Results of tests.helpers.plugin.bindings, run in a process of its own."""
    folder = tmp_path_factory.mktemp("tensorrt")
    source = "".join(f"void *{name}(void) {{ return 0; }}\n" for name in FUNCTIONS)
    for library in LIBRARIES:
        name = f"{library}.so.11"
        command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", f"-Wl,-soname,{name}", "-o", str(folder / name)]
        subprocess.run(command, input=source, text=True, check=True)
    command = [sys.executable, "-m", "tests.helpers.plugin.bindings", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_tensorrt_has_all_that_the_build_and_the_backend_call(reported):
    assert reported["missing"] == []
    assert reported["types"] == [DTYPE_NAMES["uint8"], DTYPE_NAMES["float32"]]


def test_the_plugins_go_by_the_names_of_the_onnx_nodes(reported):
    assert reported["creators"] == ["tin::TemporalInterlace", "tin::InterlacePlan"]
    assert reported["fields"] == [["num_frames"]] * 2


@pytest.mark.parametrize(("build", "kind", "shape"), [("fp32", "FLOAT", [64, 56, 56]), ("padded", "HALF", [4, 7, 7])])
def test_the_output_is_like_the_features(reported, build, kind, shape):
    assert reported[build]["output_types"] == [kind]
    assert reported[build]["output_shapes"] == [[56, *shape]]


def test_fp16_is_offered_in_hwc8_where_nothing_is_padded(reported):
    linear, half = "FLOAT LINEAR", "HALF LINEAR"
    plain = [linear, linear, linear, linear, half, linear, linear, half]
    channels_last = ["HALF HWC8", linear, linear, "HALF HWC8"]
    assert reported["fp16"]["formats"] == plain + channels_last
    assert reported["padded"]["formats"] == plain


@pytest.mark.parametrize(
    ("build", "kernel", "blocks", "scalars"),
    [
        ("fp32", "interlace_fp32_x4", 392, [64 * 56 * 56, 16 * 56 * 56]),
        ("fp16", "interlace_fp16_x8", 196, [64 * 56 * 56, 16]),
        ("padded", "interlace_fp16_x1", 2, [4 * 7 * 7, 7 * 7]),
    ],
)
def test_the_build_receives_the_launch(reported, build, kernel, blocks, scalars):
    asked = reported[build]
    assert asked["kernel"] == kernel
    assert asked["kernel_is_in_ptx"]
    assert asked["scalars"] == scalars
    one = dict.fromkeys(("grid_z", "block_y", "block_z"), 1)
    assert asked["grid"] == {"grid_x": blocks, "grid_y": 7, "block_x": THREADS, "shared_mem": 0, **one}


@pytest.mark.parametrize("build", ["plan_fp32", "plan_fp16"])
def test_the_plan_gives_float32_from_features_of_either_type(reported, build):
    asked = reported[build]
    assert asked["output_types"] == ["FLOAT", "FLOAT"]
    assert asked["output_shapes"] == [[7, 2], [7, 8, 2]]
    plain = ["FLOAT LINEAR"] * 11
    assert asked["formats"] == [*plain, "HALF LINEAR", *plain[1:]]


@pytest.mark.parametrize(("build", "channels"), [("plan_fp32", 512), ("plan_fp16", 16)])
def test_the_plan_is_launched_with_a_block_per_clip(reported, build, channels):
    asked = reported[build]
    assert asked["kernel"] == build
    assert asked["kernel_is_in_ptx"]
    assert asked["scalars"] == [channels]
    one = dict.fromkeys(("grid_y", "grid_z", "block_y", "block_z"), 1)
    assert asked["grid"] == {"grid_x": 7, "block_x": 128, "shared_mem": 0, **one}
