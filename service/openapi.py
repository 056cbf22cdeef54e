"""What /openapi.json says besides what FastAPI finds out itself: the two body forms and the problems."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from service.errors import MEDIA_TYPE, PROBLEMS
from service.schemas import Problem
from service.upload import FIELD

_BYTES = {"type": "string", "format": "binary"}

VIDEO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"The video: a multipart field `{FIELD}`, or the raw bytes under any other content type.",
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _BYTES}},
            },
            "application/octet-stream": {"schema": _BYTES},
            "video/*": {"schema": _BYTES},
        },
    }
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with problems of these statuses."""
    return {status: _problem_response(status) for status in statuses}


def _problem_response(status: int) -> dict[str, Any]:
    titles = [kind.title for kind in PROBLEMS.values() if kind.status == status]
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {"description": "; or: ".join(titles), "content": {MEDIA_TYPE: {"schema": schema}}}


class Application(FastAPI):
    """FastAPI whose document knows the schema that `problem_responses` refers to."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        document["components"]["schemas"].setdefault(Problem.__name__, Problem.model_json_schema())
        return document
