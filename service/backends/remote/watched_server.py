"""Watched server: a circuit breaker, and the thread that checks the server's health and closes the circuit again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from service.backends.base import InferenceFailed, TryLater
from service.backends.remote.circuit_breaker import CircuitBreaker
from service.backends.remote.errors import NotServed, Unreachable

HEALTH_CHECK_SECONDS = 1.0

logger = logging.getLogger("service")


class WatchedServer:
    """A server that runs a model. While it is down, or runs another model, calls raise RuntimeDown at once.

    Its health is checked here first, and every second by a thread.

    Args:
        name: the server's name in messages.
        ping: checks its health; raises Unreachable, NotServed or TryLater.
        prove: runs a clip, which shows that the server has the model; raises these and InferenceFailed.
        close: frees what both of them use.
    """

    def __init__(
        self, name: str, ping: Callable[[], None], prove: Callable[[], None], close: Callable[[], None]
    ) -> None:
        self._name = name
        self._ping, self._prove, self._close = ping, prove, close
        self._circuit = CircuitBreaker(name)
        self._closing = threading.Event()
        self._check_health()
        threading.Thread(target=self._watch, name=f"{name}-watch", daemon=True).start()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Let a call through and count its failure; raises RuntimeDown for those that mean that the server is down."""
        self._circuit.check()
        with self._failures_reported():
            yield
        self._circuit.succeeded()

    def check_up(self) -> None:
        """Raise RuntimeDown with the reason while the server is down."""
        self._circuit.check()

    def close(self) -> None:
        """Stop the health checks; their thread frees what they use."""
        self._closing.set()

    @contextmanager
    def _failures_reported(self) -> Iterator[None]:
        """Report failures to the circuit breaker; a wrong model opens it at once."""
        try:
            yield
        except Unreachable as error:
            self._circuit.failed(str(error))
            raise self._circuit.down(str(error)) from error
        except NotServed as error:
            self._circuit.open(str(error))
            raise self._circuit.down(str(error)) from error

    def _watch(self) -> None:
        while not self._closing.wait(HEALTH_CHECK_SECONDS):
            try:
                self._check_health()
            except Exception:  # without this thread the circuit would never close again
                logger.exception("the health check of %s failed", self._name)
        self._close()

    def _check_health(self) -> None:
        with suppress(TryLater), self._failures_reported():
            self._ping()
            if self._circuit.is_open:
                self._try_to_close()
            else:
                self._circuit.succeeded()

    def _try_to_close(self) -> None:
        try:
            self._prove()
        except InferenceFailed as error:
            raise NotServed(str(error)) from error
        self._circuit.close()
