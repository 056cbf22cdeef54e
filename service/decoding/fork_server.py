"""Fork server: the process that workers are forked from, with the libraries that they need and nothing else."""

from __future__ import annotations

from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext

from service.decoding.channel import Channel
from service.decoding.sandbox.confinement import LATE_PARTS


def start_fork_server() -> ForkServerContext:
    """Start the server, unless it runs; returns, at once, the context that makes workers from it.

    Its libraries load while this process goes on.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["service.decoding.worker", LATE_PARTS])
    forkserver.ensure_running()
    return context


def serve(connection: Channel, max_memory_bytes: int) -> None:
    """Run `service.decoding.worker.serve`, in a worker: this process does not import what decodes."""
    from service.decoding.worker import serve  # noqa: PLC0415

    serve(connection, max_memory_bytes)
