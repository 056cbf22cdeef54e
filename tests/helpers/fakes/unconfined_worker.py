"""A decoding worker on a kernel without any sandbox."""

from __future__ import annotations

import pytest

from service.decoding import worker
from service.decoding.channel import Channel
from service.decoding.sandbox.confinement import Sandbox


def serve_unconfined(connection: Channel, max_memory_bytes: int) -> None:
    """Serve as `worker.serve` does where the kernel offers nothing."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worker, "confine", lambda: Sandbox.NONE)
        worker.serve(connection, max_memory_bytes)
