"""Errors under the Open Inference Protocol, and the form in which a client reads them."""

from __future__ import annotations

from pydantic import BaseModel


class BadInferRequest(ValueError):
    """The request does not fit the model; the message says why."""


class NotOffered(Exception):
    """The call belongs to an extension of the protocol that this service does not offer; the message says why."""


class InferError(BaseModel):
    """A failure under /v2."""

    error: str
