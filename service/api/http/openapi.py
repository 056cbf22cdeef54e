"""The OpenAPI document, with what FastAPI cannot derive: the forms of a body, the problems, and the API keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, get_args

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.api.http.problems import DOCUMENTED, MEDIA_TYPE, ProblemType
from service.api.http.upload import FIELD
from service.api.schemas import examples
from service.api.schemas.examples import DETAILS
from service.api.schemas.predict import PredictBody, Problem
from service.api.schemas.timeline import Row, TimelineBody
from service.open_inference.errors import InferError
from service.open_inference.infer_request import InferRequest
from service.open_inference.infer_response import InferResponse
from service.open_inference.repository_index import IndexRequest

_BYTES = {"type": "string", "format": "binary"}

PREDICTION: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"examples": {"prediction": {"value": examples.PREDICTION}}}}}
}

ROWS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A JSON object a line: one `clip`, then the windows, then the segments or a problem.",
        "content": {
            "application/x-ndjson": {
                "schema": {"anyOf": [{"$ref": f"#/components/schemas/{row.__name__}"} for row in get_args(Row)]},
                "examples": {kind: {"value": row} for kind, row in examples.ROWS.items()},
            }
        },
    }
}

INFER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "JSON, and behind it the tensor's bytes if it does not hold them itself.",
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{InferRequest.__name__}"}},
            "application/octet-stream": {"schema": _BYTES},
        },
    }
}

INDEX_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{IndexRequest.__name__}"}}},
    }
}

INFER_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "model": InferResponse,
        "description": "JSON, and behind it the bytes of the tensors that were asked for as bytes.",
        "content": {"application/octet-stream": {"schema": _BYTES}},
    }
}

KEYS: dict[str, dict[str, Any]] = {
    "Authorization": {"type": "http", "scheme": "bearer", "description": "`Bearer <key>`"},
    "X-API-Key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the key"},
}
"""OpenAPI's security schemes: the headers that carry a key."""


def video_body(in_json: type[BaseModel]) -> dict[str, Any]:
    """The request body of a route that takes a video; `in_json` is the schema of its JSON."""
    form = {"type": "object", "required": [FIELD], "properties": {FIELD: _BYTES}}
    return {
        "requestBody": {
            "required": True,
            "description": f"The video: a multipart field `{FIELD}`, a field `{FIELD}` of JSON as base64, "
            "or the raw bytes under any other content type.",
            "content": {
                "multipart/form-data": {"schema": form},
                "application/json": {"schema": {"$ref": f"#/components/schemas/{in_json.__name__}"}},
                "application/octet-stream": {"schema": _BYTES},
                "video/*": {"schema": _BYTES},
            },
        }
    }


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with problems of these statuses."""
    return {status: _problem_response(status) for status in statuses}


def v2_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route under /v2 that may fail with these statuses."""
    return {status: {"model": InferError, "description": HTTPStatus(status).phrase} for status in statuses}


def _problem_response(status: int) -> dict[str, Any]:
    kinds = {kind.slug: kind for kind in DOCUMENTED.values() if kind.status == status}
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    samples = {slug: {"summary": kind.title, "value": _sample(kind)} for slug, kind in kinds.items() if slug in DETAILS}
    titles = dict.fromkeys(kind.title for kind in kinds.values())
    return {"description": "; or: ".join(titles), "content": {MEDIA_TYPE: {"schema": schema, "examples": samples}}}


def _sample(kind: ProblemType) -> dict[str, Any]:
    problem = Problem(type=f"/problems/{kind.slug}", title=kind.title, status=kind.status, detail=DETAILS[kind.slug])
    return problem.model_dump(exclude_none=True)


REFERRED_TO: tuple[type[BaseModel], ...] = (
    Problem,
    PredictBody,
    TimelineBody,
    InferRequest,
    IndexRequest,
    *get_args(Row),
)
"""Schemas that no route names to FastAPI."""


class Application(FastAPI):
    """FastAPI whose document also holds the schemas that this module refers to."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        _, schemas = models_json_schema(
            [(schema, "validation") for schema in REFERRED_TO], ref_template="#/components/schemas/{model}"
        )
        document["components"]["schemas"] |= schemas["$defs"]
        _drop_undeclared_422(document)
        _declare_keys(document)
        return document


def _drop_undeclared_422(document: dict[str, Any]) -> None:
    # FastAPI adds one in a form of its own to every route with parameters, though text in a path is always valid.
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    for operation in _operations(document):
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            del operation["responses"]["422"]


def _declare_keys(document: dict[str, Any]) -> None:
    """Declare either header, or none: a setting decides, and the document is the same on every machine."""
    document["components"]["securitySchemes"] = KEYS
    for operation in _operations(document):
        if "401" in operation["responses"]:
            operation["security"] = [{}, *({header: []} for header in KEYS)]


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for path in document["paths"].values() for operation in path.values())


def as_text(document: dict[str, Any]) -> str:
    """The document as a file: sorted, and without the release, which would change it on its own."""
    kept = document | {"info": document["info"] | {"version": "any"}}
    return json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
