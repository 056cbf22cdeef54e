"""Results of millions of videos, by Ray Data: `python -m service predict --ray`, and `timeline --ray`.

    DecodeActor      on each core: a video becomes the model's input, in a worker process with limits
    InferActor       on each GPU: the inputs of many decoders become answers, in batches
    TimelineActor    on each GPU, or else on each core: a video becomes its timeline

Without a GPU one actor decodes and predicts, since the two would compete for cores. Work that is lost with a node
is done again elsewhere. Actors read videos and store themselves, so each node needs them under the same paths.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # a thread of Ray's that outlives shutdown would start it again

import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.exceptions import RayError

from service.batch.errors import ClusterFailed
from service.batch.ray_actors import Columns, DecodeActor, DecodeAndInferActor, InferActor, TimelineActor
from service.batch.request import PredictOptions
from service.batch.results.result import Result
from service.batch.timelines.answer import TimelineResult
from service.batch.timelines.options import TimelineOptions
from service.config.settings import Settings
from service.store.addresses import address_of

TASKS_PER_CORE = 8
"""At least this many, so that all cores have work to the end."""

MAX_VIDEOS_PER_TASK = 50
"""An actor returns its results at the end of a task: so many are lost with it."""

MAX_TIMELINES_PER_TASK = 1
"""A timeline takes minutes."""

MAX_TASKS = 5_000
"""Each takes Ray a millisecond to set up; with more videos than this, tasks are larger."""

VIDEOS_PER_CALL = 32
"""Rows per call of an actor: enough to fill a batch of any backend."""

SECONDS_TO_CONNECT = 5.0


def predict_videos(videos: Sequence[Path], options: PredictOptions, settings: Settings) -> Iterator[Result]:
    """Yield the result of each video as it comes, from the cluster at RAY_ADDRESS, or else from this machine's cores.

    Raises ClusterFailed.
    """
    return _results(videos, MAX_VIDEOS_PER_TASK, partial(_pipeline, options=options, settings=settings))


def make_timelines(videos: Sequence[Path], options: TimelineOptions, settings: Settings) -> Iterator[TimelineResult]:
    """Yield the timeline of each video as it comes, as `predict_videos` does. Raises ClusterFailed."""
    return _results(videos, MAX_TIMELINES_PER_TASK, partial(_timeline_stage, options=options, settings=settings))


def _results(videos: Sequence[Path], videos_per_task: int, pipeline: Callable[[Dataset], Dataset]) -> Iterator[Any]:
    if not videos:
        return
    with _cluster():
        rows = pipeline(_tasks(videos, videos_per_task))
        try:
            for batch in _by_another_thread(rows.iter_batches(batch_size=None, batch_format="numpy")):
                yield from batch["result"]
        except RayError as error:
            raise ClusterFailed(f"Ray gave up: {_first_cause(error)}") from error


def _by_another_thread(batches: Iterable[Columns]) -> Iterator[Columns]:
    """Iterate in another thread: Ctrl-C interrupts the main thread, and Ray Data, if interrupted, may hang."""
    made: Queue[Columns | Exception | None] = Queue(maxsize=8)

    def make() -> None:
        try:
            for batch in batches:
                made.put(batch)
        except Exception as error:
            made.put(error)
        else:
            made.put(None)

    threading.Thread(target=make, daemon=True).start()
    while (batch := made.get()) is not None:
        if isinstance(batch, Exception):
            raise batch
        yield batch


def _on_any_node(store: Path) -> Path:
    return store if address_of(store) else store.absolute()


def _pipeline(tasks: Dataset, options: PredictOptions, settings: Settings) -> Dataset:
    """Build the stages; each gets as many actors as there is room for, also on nodes that join later."""
    on_nodes = _on_nodes(settings)
    gpus, cores = _amount("GPU"), _amount("CPU")
    if not gpus:
        arguments = (options, _on_a_core(on_nodes), Path.cwd())
        return _stage(tasks, DecodeAndInferActor, arguments, at_first=cores)
    decoded = _stage(tasks, DecodeActor, (options, on_nodes, Path.cwd()), at_first=cores - gpus)
    return _stage(decoded, InferActor, (options, on_nodes), at_first=gpus, num_gpus=1)


def _timeline_stage(tasks: Dataset, options: TimelineOptions, settings: Settings) -> Dataset:
    gpus, cores = _amount("GPU"), _amount("CPU")
    on_nodes = _on_nodes(settings) if gpus else _on_a_core(_on_nodes(settings))
    arguments = (options, on_nodes, Path.cwd())
    return _stage(tasks, TimelineActor, arguments, at_first=gpus or cores, num_gpus=min(gpus, 1), batch_size=1)


def _on_nodes(settings: Settings) -> Settings:
    return settings.model_copy(update={"model_store": _on_any_node(settings.model_store)})


def _on_a_core(settings: Settings) -> Settings:
    return settings.model_copy(update={"onnx_threads": settings.onnx_threads or 1})


def _stage(
    rows: Dataset,
    actor: type,
    arguments: tuple[object, ...],
    *,
    at_first: int,
    num_gpus: int = 0,
    batch_size: int = VIDEOS_PER_CALL,
) -> Dataset:
    return rows.map_batches(
        actor,
        fn_constructor_args=arguments,
        batch_size=batch_size,
        num_cpus=1,
        num_gpus=num_gpus,
        compute=ActorPoolStrategy(min_size=1, initial_size=max(1, at_first)),
    )


def _tasks(videos: Sequence[Path], videos_per_task: int) -> Dataset:
    rows = [{"file": os.fsencode(video)} for video in videos]
    return ray.data.from_items(rows, override_num_blocks=num_tasks(len(rows), _amount("CPU"), videos_per_task))


def num_tasks(num_videos: int, num_cores: int, videos_per_task: int = MAX_VIDEOS_PER_TASK) -> int:
    """Return the number of tasks: at least one, at most one for each video."""
    enough = max(TASKS_PER_CORE * num_cores, math.ceil(num_videos / videos_per_task))
    return max(1, min(enough, MAX_TASKS, num_videos))


def _amount(resource: str) -> int:
    return int(ray.cluster_resources().get(resource, 0))  # type: ignore[no-untyped-call]


@contextmanager
def _cluster() -> Iterator[None]:
    """Connect to Ray, with its progress output and usage statistics turned off."""
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    DataContext.get_current().enable_progress_bars = False
    address = os.environ.get("RAY_ADDRESS", "")
    try:
        _call_at(address)
        with _silent_stderr():  # Ray prints its logging level there, from C++
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:
        raise ClusterFailed(f"no Ray cluster answers at {address!r} (RAY_ADDRESS): {_first_cause(error)}") from error
    with redirect_stdout(sys.stderr):  # it prints there which nodes are lost
        try:
            yield
        finally:
            ray.shutdown()


def _call_at(address: str) -> None:
    """Raise OSError if nothing listens at `host:port`, which Ray would try for many minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_CONNECT).close()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    stderr = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _first_cause(error: Exception) -> str:
    """Return the last line of the first of several chained tracebacks."""
    first, _, _ = str(error).strip().partition("\n\nThe above exception")
    return first.splitlines()[-1]
