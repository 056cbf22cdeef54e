"""Program that drives the plugin through TensorRT's own Python layer, and prints the results as JSON.

    python -m tests.helpers.plugin.bindings FOLDER

The layer (package tensorrt-cu13-bindings) is real: it checks the plugin's signatures and calls the plugin as an engine
build does. The native libraries below it cannot be installed everywhere: those in FOLDER are empty, and this file fakes
the registry and the arithmetic on dimensions that they would provide.
"""

import ctypes
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from export.tensorrt_plugin.node import DOMAIN, INTERLACE, PLAN
from tests.helpers.plugin.cases import OFFSETS

NUM_CLIPS, NUM_FRAMES = len(OFFSETS), 8


USED = {
    "Builder": ["create_network", "create_builder_config", "create_optimization_profile", "build_serialized_network"],
    "BuilderFlag": ["TF32"],
    "IBuilderConfig": [
        "add_optimization_profile",
        "clear_flag",
        "create_timing_cache",
        "get_timing_cache",
        "set_timing_cache",
    ],
    "ExecutionContextAllocationStrategy": ["USER_MANAGED"],
    "ICudaEngine": [
        "create_execution_context",
        "device_memory_size_v2",
        "get_tensor_dtype",
        "get_tensor_name",
        "get_tensor_profile_shape",
        "num_optimization_profiles",
    ],
    "IExecutionContext": [
        "execute_async_v3",
        "get_tensor_shape",
        "set_device_memory",
        "set_input_shape",
        "set_optimization_profile_async",
        "set_tensor_address",
    ],
    "ILogger": ["ERROR", "INTERNAL_ERROR"],
    "INetworkDefinition": ["get_input"],
    "IOptimizationProfile": ["set_shape"],
    "ITimingCache": ["serialize"],
    "NetworkDefinitionCreationFlag": ["STRONGLY_TYPED"],
    "OnnxParser": ["get_error", "num_errors", "parse"],
    "ParserError": ["desc", "node_operator"],
    "Runtime": ["deserialize_cuda_engine"],
}
"""Methods and attributes that the build and the backend use, by class."""


class Registry:
    """Fake plugin registry, which holds the creators of plugins."""

    def __init__(self):
        self.creators = []

    def register_creator(self, creator, namespace):
        self.creators.append(creator)

    def get_creator(self, name, version, namespace):
        return next(creator for creator in self.creators if creator.name == name)


class Arithmetic:
    """Fake expression builder, which evaluates expressions over dimensions at once."""

    def constant(self, value):
        return value

    def operation(self, operation, first, second):
        return {"SUM": int.__add__, "FLOOR_DIV": int.__floordiv__}[operation.name](first, second)


class Scalars(dict[int, int]):
    """Fake list of the kernel's scalars, by position, with their number."""

    nbSymExprs = 0  # noqa: N815


def import_tensorrt(folder):
    """Return TensorRT's bindings, imported under the name of the full package, and the fake registry."""
    for library in Path(folder).iterdir():
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
    import tensorrt_bindings as trt  # noqa: PLC0415

    sys.modules["tensorrt"] = trt
    registry = Registry()
    trt.get_plugin_registry = lambda: registry
    trt.DimsExprs = lambda length: [None] * length
    import tensorrt.plugin as trtp  # noqa: PLC0415

    trtp._tensor.SymExprImpl = lambda expression: expression._expr
    trtp._tensor.SymIntExpr._exprBuilder = Arithmetic()
    return trt, registry


def tensor(trt, shape, kind, layout):
    """Return a tensor description of the build, with an unknown batch size."""
    described = trt.DynamicPluginTensorDesc()
    description = trt.PluginTensorDesc()
    description.dims = shape
    description.type, description.format, description.scale = kind, layout, 1.0
    described.desc = description
    return described


def build_interlace(trt, creator, shape, kind, layout):
    """Return what an engine build of the interlacing learns from the plugin."""
    features = tensor(trt, (-1, *shape), kind, layout)
    linear = trt.TensorFormat.LINEAR
    small = [tensor(trt, dims, trt.float32, linear) for dims in ((-1, 2), (-1, NUM_FRAMES, 2))]
    sizes = [[NUM_CLIPS * NUM_FRAMES, *shape], [NUM_CLIPS, 2], [NUM_CLIPS, NUM_FRAMES, 2]]
    return build(trt, creator, [features, *small], [features], sizes)


def build_plan(trt, creator, channels, kind):
    """Return what an engine build of the plan learns from the plugin."""
    parameters = [
        (1, channels, 3),
        (1,),
        (NUM_FRAMES,) * 2,
        (NUM_FRAMES,),
        (2, NUM_FRAMES),
        (2,),
        (2, channels, 3),
        (2,),
    ]
    linear = trt.TensorFormat.LINEAR
    inputs = [tensor(trt, (-1, channels), kind, linear)]
    inputs += [tensor(trt, shape, trt.float32, linear) for shape in parameters]
    outputs = [tensor(trt, shape, trt.float32, linear) for shape in ((-1, 2), (-1, NUM_FRAMES, 2))]
    sizes = [[NUM_CLIPS * NUM_FRAMES, channels], *map(list, parameters)]
    return build(trt, creator, inputs, outputs, sizes)


def build(trt, creator, inputs, outputs, sizes):
    """Make the calls of an engine build to the plugin, in order, and return the results.

    `sizes` are the shapes of the inputs, with the size of a batch.
    """
    field = trt.PluginField("num_frames", np.array([NUM_FRAMES]), trt.PluginFieldType.INT64)
    fields = trt.PluginFieldCollection([field])
    request = trt.QuickPluginCreationRequest.PREFER_AOT
    plugin = creator.create_plugin(creator.name, DOMAIN, fields, trt.TensorRTPhase.BUILD, request)
    kinds = plugin.get_output_data_types([each.desc.type for each in inputs], [len(size) for size in sizes])
    shapes = plugin.get_output_shapes(sizes, [], Arithmetic())

    tensors, num_inputs = [*inputs, *outputs], len(inputs)
    formats = plugin.get_supported_format_combinations(tensors, num_inputs)
    plugin.configure_plugin(inputs, outputs)
    plugin.set_tactic(0)
    grid, scalars = SimpleNamespace(), Scalars()
    plugin.get_launch_params(None, tensors, num_inputs, grid, scalars, Arithmetic())
    kernel, ptx = plugin.get_kernel([each.desc for each in inputs], [each.desc for each in outputs])
    return {
        "output_types": [each.name for each in kinds],
        "output_shapes": shapes,
        "formats": [f"{each.type.name} {each.format.name}" for each in formats],
        "grid": vars(grid),
        "scalars": [scalars[index] for index in range(scalars.nbSymExprs)],
        "kernel": kernel,
        "kernel_is_in_ptx": f".entry {kernel}(".encode() in ptx,
    }


def main(folder):
    trt, registry = import_tensorrt(folder)
    from export.tensorrt_plugin.register import register  # noqa: PLC0415

    register()
    register()
    interlace, plan = registry.creators
    assert (interlace.name, plan.name) == (INTERLACE, PLAN)
    linear, channels_last = trt.TensorFormat.LINEAR, trt.TensorFormat.HWC8
    return {
        "missing": [name for kind in USED for name in USED[kind] if not hasattr(getattr(trt, kind), name)],
        "types": [trt.uint8.name, trt.float32.name],
        "creators": [f"{creator.plugin_namespace}::{creator.name}" for creator in registry.creators],
        "fields": [[field.name for field in creator.field_names] for creator in registry.creators],
        "fp32": build_interlace(trt, interlace, (64, 56, 56), trt.float32, linear),
        "fp16": build_interlace(trt, interlace, (64, 56, 56), trt.float16, channels_last),
        "padded": build_interlace(trt, interlace, (4, 7, 7), trt.float16, linear),
        "plan_fp32": build_plan(trt, plan, 512, trt.float32),
        "plan_fp16": build_plan(trt, plan, 16, trt.float16),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])))
