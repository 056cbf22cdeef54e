"""Routes of Triton's extensions that are not offered: each is answered 400 with the reason.

Models come and go with the files of the store, so that what runs can be read there, and a gateway has no memory that
other processes could share.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter

from service.api.http.problems import PROTOCOL_V2
from service.open_inference.errors import NotOffered

REASONS = {
    "models are loaded and unloaded by the files of the model store, not by requests": (
        "/repository/models/{name}/load",
        "/repository/models/{name}/unload",
    ),
    "shared memory is not offered; send tensors as binary data": (
        "/systemsharedmemory/{rest:path}",
        "/cudasharedmemory/{rest:path}",
    ),
    "trace settings are not offered; OTEL_EXPORTER_OTLP_ENDPOINT turns traces on when the service starts": (
        "/trace/setting",
        "/models/{name}/trace/setting",
    ),
    "log settings are not offered; TIN_LOG_FORMAT sets the format when the service starts": ("/logging",),
    "the models here generate no text; send clips or a video to /infer": (
        "/models/{name}/generate",
        "/models/{name}/generate_stream",
        "/models/{name}/versions/{version}/generate",
        "/models/{name}/versions/{version}/generate_stream",
    ),
}
"""Addresses by the reason why they are not offered."""

router = APIRouter(prefix=PROTOCOL_V2, include_in_schema=False)


def _refusing(reason: str) -> Callable[[], Awaitable[None]]:
    async def refuse() -> None:
        raise NotOffered(reason)

    return refuse


for _reason, _paths in REASONS.items():
    for _path in _paths:
        router.add_api_route(_path, _refusing(_reason), methods=["GET", "POST"])
