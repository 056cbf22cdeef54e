"""Errors of the clients.

ClientError
├── NoAnswer           no connection, no answer in time, one that broke off, or one that is not of tin-serve
└── ServiceProblem     the service answered with a problem, which says why
└── ServiceBusy    429 or 503: the same request may succeed later
"""

from __future__ import annotations


class ClientError(Exception):
    """Base class of all errors that a client raises about the service."""


class NoAnswer(ClientError):
    """No answer of tin-serve came, or it broke off."""


class ServiceProblem(ClientError):
    """A failure as the service reports it: RFC 9457, `application/problem+json`.

    Args:
        status: The HTTP status.
        title: The kind of problem, in words.
        detail: One line about this time; empty where something else than tin-serve answered.
        type: Names the kind: "/problems/not-a-video", an address of the service that explains it; else "about:blank".
        request_id: Finds the request in the service's log.
        retry_after: Seconds after which the service expects to have time; None where it does not say.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        type: str = "about:blank",  # noqa: A002 - RFC 9457's name
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, title, detail, type, request_id, retry_after)
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        return ": ".join(filter(None, [f"{self.status} {self.title}", self.detail]))


class ServiceBusy(ServiceProblem):
    """The service has no time (503), or the key has too many requests under way (429)."""
