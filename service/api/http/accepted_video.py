"""A request with a video, in any of its forms: raw or in a form with parameters in the query, or JSON that has both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from service.api.http.accepted_upload import AcceptedUpload, accepted_upload
from service.api.http.json_upload import is_json, read_json_video
from service.api.http.upload import read_video
from service.inference.pipeline import Gateway
from service.limits.admission import MemoryReservation
from service.limits.deadline import MinUploadRate
from service.limits.slots import Slots

Query = TypeVar("Query", bound=BaseModel)
Task = TypeVar("Task")


@asynccontextmanager
async def accepted_video(
    request: Request,
    gateway: Gateway,
    key: str | None,
    query: Query,
    choose: Callable[[Request, Gateway, Query], Task],
    slots: Slots | None = None,
) -> AsyncIterator[tuple[AcceptedUpload[bytes], Task]]:
    """Do `accepted_upload` for a video, and yield it with what its parameters ask for.

    Parameters of the query are looked at before a byte of the body is read, the fields of JSON when it has been read.

    Args:
        request: Its body has not been read.
        gateway: The application's.
        key: The request's API key, None where the service has none.
        query: The parameters of the query.
        choose: Takes all parameters; returns what is to be done, or raises.
        slots: Held while the request is worked on; `admission.work_slots` unless given.

    Raises as `accepted_upload` and `choose` do, and RequestValidationError for a field that is not valid.
    """
    task = None if is_json(request) else choose(request, gateway, query)

    async def read(request: Request, max_bytes: int, min_rate: MinUploadRate, reservation: MemoryReservation) -> bytes:
        nonlocal task
        if task is not None:
            return await read_video(request, max_bytes, min_rate, reservation)
        video, fields = await read_json_video(request, max_bytes, min_rate, reservation)
        task = choose(request, gateway, _with_fields(query, fields))
        return video

    async with accepted_upload(request, gateway, key, read, slots) as upload:
        assert task is not None
        yield upload, task


def _with_fields(query: Query, fields: dict[str, Any]) -> Query:
    """Return the parameters of the query and the fields of the body as one."""
    given = query.model_dump(exclude_unset=True, by_alias=True)
    if twice := sorted(given.keys() & fields.keys()):
        raise HTTPException(400, f"the parameter {twice[0]!r} is in the query and in the JSON; send it once")
    try:
        return type(query).model_validate(given | fields, strict=True)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from error
