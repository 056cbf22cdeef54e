"""The page /teach: takes of one's own actions come in, a training runs, and its progress streams out.

These are the page's own addresses, there only with TIN_TEACH=true, and no part of the documented interface.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from mimetypes import guess_type

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse

from clips.clip_spec import ClipSpec, View
from service.api.http.accepted_upload import accepted_upload
from service.api.http.dependencies import GatewayOfApp, KeyOfRequest, TeachingOfApp
from service.api.http.ndjson_response import RowsResponse
from service.api.http.same_origin import SameOrigin
from service.api.http.upload import read_video
from service.api.schemas.presenters_of_teaching import job_view, take_ref, teach_state
from service.api.schemas.teach import ActionTakes, JobView, TakeRef, TeachState
from service.decoding.job import DecodeJob
from service.inference.pipeline import Gateway
from service.limits.deadline import in_time, while_connected
from service.models.versions import LoadedModel
from service.teaching.errors import NotTaught
from service.teaching.teaching import Teaching

TAKE_SPEC = ClipSpec(crop=96, view=View.SQUEEZE)
"""The frames of a take that are decoded to see whether it is one: as many as a model looks at, and small."""

REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Content-Security-Policy of a report, which holds its style and pictures; it still runs nothing."""

SECONDS_BETWEEN_ROWS = 0.25
SECONDS_TO_LOOK = 1.0
SECONDS_TO_REPEAT = 10.0
"""An unchanged job is sent again, so that proxies keep the connection and leaving clients are noticed."""

router = APIRouter(prefix="/teach", include_in_schema=False)


@router.get("/state", response_model_exclude_none=True)
async def state(gateway: GatewayOfApp, teaching: TeachingOfApp, key: KeyOfRequest) -> TeachState:
    """Everything that the page shows."""
    return await to_thread.run_sync(teach_state, teaching, gateway)


@router.post("/actions", status_code=201)
async def add_action(name: str, teaching: TeachingOfApp, key: KeyOfRequest, origin: SameOrigin) -> ActionTakes:
    """Add an action without takes."""
    async with teaching.lock:
        action = await to_thread.run_sync(teaching.takes.add_action, name)
    return ActionTakes(name=action.name, takes=[])


@router.delete("/actions", status_code=204)
async def remove_action(name: str, teaching: TeachingOfApp, key: KeyOfRequest, origin: SameOrigin) -> None:
    """Remove an action with its takes."""
    async with teaching.lock:
        await to_thread.run_sync(teaching.takes.remove_action, name)


@router.post("/takes", status_code=201)
async def add_take(
    action: str,
    request: Request,
    gateway: GatewayOfApp,
    teaching: TeachingOfApp,
    key: KeyOfRequest,
    origin: SameOrigin,
) -> TakeRef:
    """Add a clip to an action; a worker decodes it first, and refuses it as POST /predict would."""
    settings = gateway.settings
    async with accepted_upload(request, gateway, key, read_video) as upload:
        job = DecodeJob(upload.body, TAKE_SPEC, settings.decode_limits(), thumbnails=True)
        work = in_time(gateway.decoders.preprocess(job), settings.deadline_seconds)
        clip = await while_connected(work, request.receive)
        thumbnail = clip.thumbnails[len(clip.thumbnails) // 2]
        async with teaching.lock:
            add = teaching.takes.add_take
            take = await to_thread.run_sync(add, action, upload.body, clip.video.container, thumbnail)
    return take_ref(take)


@router.get("/takes/{take_id}")
async def read_take(take_id: str, teaching: TeachingOfApp, key: KeyOfRequest) -> Response:
    """The clip."""
    take = await to_thread.run_sync(teaching.takes.find, take_id)
    return FileResponse(take.path, media_type=guess_type(take.path.name)[0] or "application/octet-stream")


@router.get("/takes/{take_id}/thumbnail")
async def read_thumbnail(take_id: str, teaching: TeachingOfApp, key: KeyOfRequest) -> Response:
    """A frame of the clip, as a small JPEG."""
    return FileResponse(await to_thread.run_sync(teaching.takes.thumbnail_of, take_id), media_type="image/jpeg")


@router.delete("/takes/{take_id}", status_code=204)
async def remove_take(take_id: str, teaching: TeachingOfApp, key: KeyOfRequest, origin: SameOrigin) -> None:
    """Remove a clip."""
    async with teaching.lock:
        await to_thread.run_sync(teaching.takes.remove_take, take_id)


@router.post("/train", status_code=202, response_model_exclude_none=True)
async def start(
    name: str, gateway: GatewayOfApp, teaching: TeachingOfApp, key: KeyOfRequest, origin: SameOrigin
) -> JobView:
    """Start a training on the takes as they are now; one runs at a time."""
    loaded = [model.name for model in gateway.registry.all() if isinstance(model, LoadedModel)]
    base = await to_thread.run_sync(teaching.base, gateway.registry.get().name, loaded)
    return job_view(await teaching.start(name, base), teaching, gateway)


@router.delete("/train", response_model_exclude_none=True)
async def cancel(gateway: GatewayOfApp, teaching: TeachingOfApp, key: KeyOfRequest, origin: SameOrigin) -> JobView:
    """End the training; not a POST, which a full service refuses."""
    return job_view(await teaching.cancel(), teaching, gateway)


@router.get("/events")
async def follow(gateway: GatewayOfApp, teaching: TeachingOfApp, key: KeyOfRequest) -> Response:
    """The training as NDJSON: a row now, another at each change, until it has ended and its model answers."""
    return RowsResponse(_rows(teaching, gateway), AsyncExitStack(), gateway.settings.deadline_seconds)


@router.get("/reports/{job_id}")
async def read_report(job_id: str, teaching: TeachingOfApp) -> Response:
    """The report of the last training. A browser opens it without a key; its address cannot be guessed."""
    if teaching.job is None or teaching.job.id != job_id or not teaching.jobs.report.is_file():
        raise NotTaught("there is no such report; a newer training replaces it")
    return FileResponse(teaching.jobs.report, headers={"Content-Security-Policy": REPORT_POLICY})


async def _rows(teaching: Teaching, gateway: Gateway) -> AsyncGenerator[JobView, None]:
    sent, sent_at = None, 0.0
    while teaching.job is not None:
        view = job_view(teaching.job, teaching, gateway)
        if view != sent or time.monotonic() - sent_at > SECONDS_TO_REPEAT:
            yield view
            sent, sent_at = view, time.monotonic()
        if (view.has_ended and view.serving != "loading") or gateway.admission.is_draining:
            return
        await teaching.changed(SECONDS_TO_LOOK)
        await asyncio.sleep(SECONDS_BETWEEN_ROWS)
