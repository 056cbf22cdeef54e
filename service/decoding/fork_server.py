"""Fork server: the process that workers are forked from, with the libraries that they need and nothing else."""

from __future__ import annotations

from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext

LATE_PARTS = "service.decoding.sandbox.late_parts"
"""The module that loads what libraries would load late; a worker imports it as well, for others may have started the
server."""


def start() -> ForkServerContext:
    """Start the server, unless it runs; returns, at once, the context that makes workers from it.

    Its libraries load while this process goes on.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["service.decoding.worker", LATE_PARTS])
    forkserver.ensure_running()
    return context
