"""TensorRT engine of an ONNX graph, built for this machine's GPU.

Networks are strongly typed, the only kind in TensorRT 11: an fp16 engine is built from an fp16 graph.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.errors import ExportError, FormatUnavailable
from export.formats.tensorrt_input import cast_input_first
from export.formats.timing_cache import load_timings, save_timings, timings_file
from export.tensorrt_plugin.compile import INTERLACE, CompilationFailed, compile_ptx
from export.tensorrt_plugin.node import has_node, prefer_plugin
from service.backends.base import BackendUnavailable, one_line
from service.backends.batch_sizes import BATCH_SIZES
from service.backends.contract import INPUT
from service.backends.tensorrt import Target, find_target, import_tensorrt, make_log

OLDEST_TENSORRT = (10, 9)
"""The first release whose ONNX parser takes ahead-of-time plugins."""


@dataclass(frozen=True)
class Engine:
    """A serialised engine, the target that it was built for, and its precision."""

    plan: bytes
    target: Target
    precision: str

    @property
    def file(self) -> str:
        """Name of the file: GPU, precision and TensorRT version."""
        return self.target.file_name(self.precision)


def to_tensorrt(
    graph: bytes, precision: str, *, batches: Sequence[int] = BATCH_SIZES, timing_cache: Path | None = None
) -> Engine:
    """Build an engine from a serialised ONNX graph, with the plugins of interlacing.

        to_tensorrt(to_onnx(checkpoint, GraphVariant.PLUGIN, Precision.FP16), "fp16").plan

    Args:
        graph: a graph of `export.graph.onnx_export.to_onnx`.
        precision: that of the graph, for the name of the file.
        batches: the batch sizes that the engine runs, each with an optimisation profile of its own.
        timing_cache: folder with timings of earlier builds, one file for each target; makes builds faster.

    Raises:
        FormatUnavailable: TensorRT or a GPU is missing; for a network that interlaces also a CUDA compiler, or
            TensorRT is too old.
        ExportError: TensorRT rejects the graph.
    """
    try:
        trt, target = import_tensorrt(), find_target()
    except BackendUnavailable as error:
        raise FormatUnavailable(str(error)) from error
    log = make_log(trt)
    builder = trt.Builder(log)
    if has_node(graph):
        require_plugins_in_graphs(trt.__version__)
        require_compiler()
        _register_plugin()
        graph = prefer_plugin(graph)
    network = parse(trt, builder, log, cast_input_first(graph))
    config = configure(builder, network, batches)
    config.clear_flag(trt.BuilderFlag.TF32)
    timings = None if timing_cache is None else timings_file(timing_cache, target, precision)
    if timings is not None:
        load_timings(config, timings)
    plan = build(builder, network, config, log)
    if timings is not None:
        save_timings(config, timings)
    return Engine(plan, target, precision)


def parse(trt: Any, builder: Any, log: Any, graph: bytes) -> Any:
    """Return the graph as a TensorRT network. Raises ExportError with the parser's messages."""
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(graph):
        errors = [parser.get_error(index) for index in range(parser.num_errors)]
        messages = [f"{error.node_operator()}: {error.desc()}" for error in errors]
        raise ExportError(f"TensorRT cannot parse the graph: {_joined(messages)}")
    return network


def configure(builder: Any, network: Any, batches: Sequence[int]) -> Any:
    """Return a build configuration with an optimisation profile for each batch size, which fits no other.

    Raises ExportError unless `batches` are ascending sizes from 1 on.
    """
    if not batches or sorted(set(batches)) != list(batches) or batches[0] < 1:
        raise ExportError(f"batches must be ascending sizes from 1 on, not {list(batches)}")
    config = builder.create_builder_config()
    clip = tuple(network.get_input(0).shape)[1:]
    for size in batches:
        profile = builder.create_optimization_profile()
        profile.set_shape(INPUT, *[(size, *clip)] * 3)
        config.add_optimization_profile(profile)
    return config


def build(builder: Any, network: Any, config: Any, log: Any) -> bytes:
    """Return the serialised engine. Raises ExportError with the builder's messages."""
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ExportError(f"TensorRT cannot build the engine: {_joined(log.errors)}")
    return bytes(plan)


def require_plugins_in_graphs(version: str) -> None:
    """Raise FormatUnavailable for a TensorRT whose parser takes no ahead-of-time plugins: one before 10.9."""
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_TENSORRT:
        oldest = ".".join(map(str, OLDEST_TENSORRT))
        raise FormatUnavailable(f"TensorRT {version} takes no plugin from a graph; install {oldest} or newer")


def require_compiler() -> None:
    """Raise FormatUnavailable without a CUDA compiler; TensorRT would only report that the plugin failed."""
    try:
        compile_ptx(INTERLACE, 1)
    except CompilationFailed as error:
        raise FormatUnavailable(str(error)) from error


def _register_plugin() -> None:
    from export.tensorrt_plugin.register import register  # noqa: PLC0415 - it needs TensorRT

    register()


def _joined(messages: Sequence[str]) -> str:
    return "; ".join(map(one_line, messages)) or "no reason is given"
