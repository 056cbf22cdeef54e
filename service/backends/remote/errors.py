"""Failures of a server that count for its circuit breaker; callers see them as RuntimeDown."""

from __future__ import annotations


class Unreachable(Exception):
    """The connection failed, or the server reports that it is unhealthy."""


class NotServed(Exception):
    """The server does not serve the model of the store, or not to us; the message gives the reason."""
