"""An ONNX graph becomes a TensorRT engine for this machine's GPU.

Networks are strongly typed, the only kind that TensorRT 11 knows: an fp16 engine is built from an fp16 graph.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.errors import ExportError, UnavailableHere
from export.tensorrt_plugin.compile import CompilationFailed, compile_ptx
from export.tensorrt_plugin.node import prefer_plugin
from service.backends.base import BackendUnavailable
from service.backends.contract import INPUT
from service.backends.tensorrt import Target, find_target, import_tensorrt, make_log

BATCHES = (1, 4, 16)
"""The batch sizes that an engine's optimisation profile names: the least, the one to tune for, and the most."""


@dataclass(frozen=True)
class Engine:
    """A serialised engine and what it was built for."""

    plan: bytes
    target: Target
    precision: str

    @property
    def file(self) -> str:
        """Its file's name, by GPU, precision and TensorRT version."""
        return self.target.file_name(self.precision)


def to_tensorrt(
    graph: bytes, precision: str, *, batches: Sequence[int] = BATCHES, timing_cache: Path | None = None
) -> Engine:
    """Build an engine from a serialised ONNX graph, with our plugin for `tin::TemporalInterlace`.

    `batches` are three sizes, ascending. A `timing_cache` is read if it exists, and written: the next build is
    faster. Raises UnavailableHere where TensorRT or a GPU is missing, or ExportError when TensorRT refuses the graph.
    """
    try:
        trt, target = import_tensorrt(), find_target()
    except BackendUnavailable as error:
        raise UnavailableHere(str(error)) from error
    log = make_log(trt)
    builder = trt.Builder(log)
    _register_plugin()
    network = parse(trt, builder, log, prefer_plugin(graph))
    config = configure(builder, network, batches)
    config.clear_flag(trt.BuilderFlag.TF32)
    _load_timings(config, timing_cache)
    plan = build(builder, network, config, log)
    _save_timings(config, timing_cache)
    return Engine(plan, target, precision)


def parse(trt: Any, builder: Any, log: Any, graph: bytes) -> Any:
    """The graph as a network. Raises ExportError with what the parser says."""
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(graph):
        errors = [parser.get_error(index) for index in range(parser.num_errors)]
        complaints = [f"{error.node_operator()}: {error.desc()}" for error in errors]
        raise ExportError(f"TensorRT cannot parse the graph: {_joined(complaints)}")
    return network


def configure(builder: Any, network: Any, batches: Sequence[int]) -> Any:
    """The build's configuration: one optimisation profile over three batch sizes. Raises ExportError."""
    if len(batches) != 3 or sorted(batches) != list(batches) or batches[0] < 1:
        raise ExportError(f"batches must be three ascending sizes from 1 on, not {list(batches)}")
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    clip = tuple(network.get_input(0).shape)[1:]
    profile.set_shape(INPUT, *((size, *clip) for size in batches))
    config.add_optimization_profile(profile)
    return config


def build(builder: Any, network: Any, config: Any, log: Any) -> bytes:
    """The serialised engine. Raises ExportError with what the builder says."""
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ExportError(f"TensorRT cannot build the engine: {_joined(log.errors)}")
    return bytes(plan)


def _register_plugin() -> None:
    from export.tensorrt_plugin.register import register  # noqa: PLC0415 - it needs TensorRT

    try:
        # TensorRT would only say that the plugin failed.
        compile_ptx(1)
    except CompilationFailed as error:
        raise UnavailableHere(str(error)) from error
    register()


def _load_timings(config: Any, path: Path | None) -> None:
    known = path.read_bytes() if path is not None and path.exists() else b""
    cache = config.create_timing_cache(known) or config.create_timing_cache(b"")
    config.set_timing_cache(cache, False)


def _save_timings(config: Any, path: Path | None) -> None:
    if path is not None:
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_bytes(config.get_timing_cache().serialize())
        aside.replace(path)


def _joined(complaints: Sequence[str]) -> str:
    return "; ".join(" ".join(complaint.split()) for complaint in complaints) or "it does not say why"
