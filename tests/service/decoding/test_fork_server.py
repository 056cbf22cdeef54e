"""The fork server: started once, however early, and parent of every worker."""

from __future__ import annotations

import os
from contextlib import closing

from service.decoding.fork_server import start_fork_server
from service.decoding.process import Decoder
from tests.helpers.processes import children_of


def test_decoders_are_forked_from_the_server_that_was_started_before() -> None:
    start_fork_server()
    children = children_of(os.getpid())
    with closing(Decoder(1 << 30)) as decoder:
        assert decoder.is_alive
        assert children_of(os.getpid()) == children
