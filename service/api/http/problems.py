"""Problems: one table from exceptions to RFC 9457 `application/problem+json`.

A problem's `type` is an address of this service, `/problems/<slug>`, that explains it. Under /v2 failures take the form
of the Open Inference Protocol.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from clips.decoding import errors as clip_errors
from service.api.http import api_keys, same_origin, upload
from service.api.schemas.predict import Problem
from service.backends import base
from service.decoding import process
from service.inference import features, pipeline, timeline_plan
from service.limits import admission, deadline, slots
from service.models import registry
from service.open_inference import errors as open_inference
from service.store import model_store
from service.teaching import errors as teaching

MEDIA_TYPE = "application/problem+json"
PROTOCOL_V2 = "/v2"

logger = logging.getLogger("service")


@dataclass(frozen=True)
class ProblemType:
    """One kind of failure; `detail`, where set, replaces the exception's message."""

    slug: str
    status: int
    title: str
    detail: str | None = None


_EXPECTED = (slots.Overloaded, admission.Draining, base.TryLater)
"""Errors that many requests get at once through no fault of their own: they are not logged one by one."""

_FAILED = "the service failed on this request; its log has the reason under the request id"

DOCUMENTED: dict[type[Exception] | int, ProblemType] = {
    clip_errors.NotAVideo: ProblemType("not-a-video", 415, "Not a video"),
    clip_errors.Undecodable: ProblemType("undecodable", 422, "The video cannot be decoded"),
    clip_errors.Encrypted: ProblemType("encrypted", 422, "The video is encrypted"),
    clip_errors.NoFrames: ProblemType("no-frames", 422, "The video has no frames"),
    clip_errors.NoSuchPart: ProblemType("no-such-part", 422, "The video has no such part"),
    clip_errors.LimitExceeded: ProblemType("bounds-exceeded", 422, "The video asks for too much"),
    api_keys.Unauthorised: ProblemType("unauthorised", 401, "A key is needed"),
    upload.UploadTooLarge: ProblemType("upload-too-large", 413, "The upload is too large"),
    upload.SlowUpload: ProblemType("slow-upload", 408, "The upload is too slow"),
    upload.MissingVideo: ProblemType("missing-video", 422, "The request holds no video"),
    upload.BadBase64: ProblemType("bad-base64", 422, "The video is not base64"),
    upload.EmptyUpload: ProblemType("empty-upload", 422, "The upload is empty"),
    ClientDisconnect: ProblemType("incomplete-upload", 400, "The upload broke off", "the upload broke off"),
    timeline_plan.BadTimeline: ProblemType("bad-parameter", 422, "A parameter is not valid"),
    features.NoFeatures: ProblemType("no-features", 422, "The model has no features"),
    open_inference.BadInferRequest: ProblemType("bad-infer-request", 400, "Not what the model takes"),
    open_inference.NotOffered: ProblemType("not-offered", 400, "Not offered here"),
    model_store.ModelNotFound: ProblemType("unknown-model", 404, "No such model"),
    registry.ModelUnavailable: ProblemType("model-unavailable", 503, "The model is not served"),
    registry.NoModelReady: ProblemType("not-ready", 503, "No model is ready"),
    slots.Overloaded: ProblemType("overloaded", 503, "Too much to do"),
    admission.KeyLimitExceeded: ProblemType("share-exceeded", 429, "Too many requests of one key"),
    admission.Draining: ProblemType("draining", 503, "About to stop"),
    process.DecoderEnded: ProblemType("decoder-ended", 503, "The decoder was ended"),
    pipeline.ReplicaLost: ProblemType("replica-lost", 503, "The replica was lost"),
    deadline.DeadlineExceeded: ProblemType("deadline-exceeded", 504, "The answer took too long"),
    base.RuntimeFull: ProblemType("overloaded", 503, "Too much to do"),
    base.RuntimeDown: ProblemType("runtime-down", 503, "The model server is down"),
    base.DeviceLost: ProblemType("gpu-lost", 503, "The GPU is lost"),
    base.BackendError: ProblemType("backend-failure", 503, "The model could not be run", _FAILED),
    RequestValidationError: ProblemType("bad-parameter", 422, "A parameter is not valid"),
    400: ProblemType("bad-request", 400, "The request is malformed"),
    404: ProblemType("not-found", 404, "Nothing here", "nothing at this address; /docs lists all addresses"),
    405: ProblemType("method-not-allowed", 405, "Method not allowed"),
    415: ProblemType("unsupported-media-type", 415, "Not a form that is taken"),
    Exception: ProblemType("internal-error", 500, "The service failed", _FAILED),
}
"""Failures of the documented interface: by exception type, or by an HTTPException's status."""

OF_TEACHING: dict[type[Exception] | int, ProblemType] = {
    same_origin.CrossOrigin: ProblemType("cross-origin", 403, "A request of another page"),
    teaching.BadName: ProblemType("bad-name", 422, "The name cannot be used"),
    teaching.NotTaught: ProblemType("not-taught", 404, "Not there"),
    teaching.TeachingConflict: ProblemType("teaching-conflict", 409, "Not now"),
    teaching.FolderFull: ProblemType("folder-full", 507, "No room for more"),
    teaching.TrainingUnavailable: ProblemType("training-unavailable", 503, "Nothing can be trained here"),
}
"""Failures of the addresses of the page /teach."""

PROBLEMS = DOCUMENTED | OF_TEACHING
"""All failures. A subclass that is not listed counts as its base."""


def problem_type_of(error: Exception) -> ProblemType:
    """Look an exception up; one that is not listed is a 500."""
    if isinstance(error, HTTPException):
        return PROBLEMS.get(error.status_code) or _unlisted(error.status_code)
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)


async def problem_response(request: Request, error: Exception) -> JSONResponse:
    """The response for a failure; details that clients may not see go to the log."""
    problem, headers = report(request, error), _headers(error)
    if _speaks_v2(request.url.path):
        return JSONResponse(open_inference.InferError(error=problem.detail).model_dump(), problem.status, headers)
    return JSONResponse(problem.model_dump(exclude_none=True), problem.status, headers, media_type=MEDIA_TYPE)


def report(request: Request, error: Exception) -> Problem:
    """Record a request's outcome for the log and the metrics, and return what the client may see."""
    kind = problem_type_of(error)
    request_id = getattr(request.state, "request_id", None)
    request.state.outcome = kind.slug
    if kind.status >= 500 and not isinstance(error, _EXPECTED):
        trace, extra = _trace_of(error, kind), {"request_id": request_id}
        logger.error("request %s: %s: %s", request_id, kind.title, error, exc_info=trace, extra=extra)
    return Problem(
        type=f"/problems/{kind.slug}",
        title=kind.title,
        status=kind.status,
        detail=kind.detail or _detail(error),
        instance=request.url.path,
        request_id=request_id,
    )


def _headers(error: Exception) -> Mapping[str, str] | None:
    match error:
        case HTTPException():
            return error.headers
        case slots.Overloaded() | base.TryLater():
            return {"Retry-After": str(error.retry_after)}
        case api_keys.Unauthorised():
            return {"WWW-Authenticate": "Bearer"}
        case upload.SlowUpload():
            return {"Connection": "close"}
    return None


def _speaks_v2(path: str) -> bool:
    return path == PROTOCOL_V2 or path.startswith(f"{PROTOCOL_V2}/")


def _detail(error: Exception) -> str:
    match error:
        case RequestValidationError():
            return "; ".join(f"{_place(problem['loc'])}: {_message(problem)}" for problem in error.errors())
        case HTTPException(status_code=405, headers={"Allow": methods}):
            return f"this address takes {methods}"
        case HTTPException():
            return error.detail
    return str(error)


def _message(problem: dict[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such parameter; /docs lists all parameters"
    return str(problem["msg"])


def _place(location: tuple[str | int, ...]) -> str:
    return " ".join(str(part) for part in location)


def _trace_of(error: Exception, kind: ProblemType) -> Exception | None:
    return error if kind.detail else None


def _unlisted(status: int) -> ProblemType:
    return ProblemType(f"http-{status}", status, HTTPStatus(status).phrase)
