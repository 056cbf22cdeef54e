"""The OpenAPI document: whole, stable, and true of what is answered."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from service.api.http.problems import DOCUMENTED
from service.api.schemas.examples import DETAILS
from service.api.schemas.predict import PredictionResponse, Problem
from service.api.schemas.timeline import Row
from tests.helpers.paths import REPOSITORY

KEPT = REPOSITORY / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_operation_ids_stay(document: dict[str, Any]) -> None:
    assert sorted(operation["operationId"] for operation in _operations(document)) == [
        "listModels",
        "live",
        "predict",
        "ready",
        "timeline",
        "v2Infer",
        "v2InferVersion",
        "v2Live",
        "v2Model",
        "v2ModelConfig",
        "v2ModelReady",
        "v2ModelStatistics",
        "v2ModelVersion",
        "v2ModelVersionConfig",
        "v2ModelVersionReady",
        "v2ModelVersionStatistics",
        "v2Ready",
        "v2RepositoryIndex",
        "v2Server",
        "v2Statistics",
    ]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(document)))
    assert {"Problem", "InferRequest", "InputTensor"} <= names <= document["components"]["schemas"].keys()
    assert "ValidationError" not in str(document)


def test_every_parameter_of_a_path_is_described(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            described = [entry["name"] for entry in operation.get("parameters", []) if entry["in"] == "path"]
            assert described == re.findall(r"{(\w+)}", path)


def test_what_may_ask_for_a_key_says_how_to_send_it(document: dict[str, Any]) -> None:
    asking = [operation for operation in _operations(document) if "security" in operation]
    assert {operation["operationId"] for operation in asking} == {"predict", "timeline", "v2Infer", "v2InferVersion"}
    assert all(operation["security"] == [{}, {"Authorization": []}, {"X-API-Key": []}] for operation in asking)
    assert document["components"]["securitySchemes"].keys() == {"Authorization", "X-API-Key"}


PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
PROTOCOL_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/InferError"}}}


def test_failures_have_the_form_of_their_address(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            failures = [answer for status, answer in operation["responses"].items() if status >= "400"]
            assert failures
            form = PROTOCOL_ERROR if path.startswith("/v2") else PROBLEM
            assert all(_schemas_of(failure) == form for failure in failures)


def _schemas_of(answer: dict[str, Any]) -> dict[str, Any]:
    return {kind: {"schema": content["schema"]} for kind, content in answer["content"].items()}


def _samples(document: dict[str, Any], path: str, status: str) -> list[Any]:
    contents = document["paths"][path]["post"]["responses"][status]["content"].values()
    return [sample["value"] for content in contents for sample in content["examples"].values()]


def test_sample_answers_have_the_form_that_they_show(document: dict[str, Any]) -> None:
    (prediction,) = _samples(document, "/predict", "200")
    assert PredictionResponse(**prediction).model_dump(exclude_none=True) == prediction
    rows = _samples(document, "/timeline", "200")
    assert [row["kind"] for row in rows] == ["clip", "window", "segments"]
    for row in rows:
        assert TypeAdapter(Row).validate_python(row).model_dump(exclude_none=True) == row


@pytest.mark.parametrize("path", ["/predict", "/timeline"])
def test_every_status_of_a_failure_has_a_sample(document: dict[str, Any], path: str) -> None:
    failures = [status for status in document["paths"][path]["post"]["responses"] if status >= "400"]
    for status in failures:
        samples = _samples(document, path, status)
        assert samples
        assert {Problem(**sample).status for sample in samples} == {int(status)}


def test_sample_problems_are_documented() -> None:
    assert DETAILS.keys() <= {kind.slug for kind in DOCUMENTED.values()}


def test_the_kept_document_is_that_of_the_service(run_cli: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    printed = run_cli("openapi").stdout
    assert KEPT.read_text() == printed, "the interface changed: run `python -m service openapi > docs/openapi.json`"
