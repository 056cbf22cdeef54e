"""Presenters of teaching: from the takes and the training to what the page shows."""

from __future__ import annotations

from typing import Any

from service.api.schemas.teach import ActionTakes, JobView, TakeRef, TeachLimits, TeachState
from service.inference.pipeline import Gateway
from service.models.versions import LoadedModel, RefusedModel
from service.teaching.job import Job, Published
from service.teaching.takes import MAX_ACTIONS, MAX_TAKES, Take
from service.teaching.teaching import MIN_ACTIONS, MIN_TAKES, Teaching


def teach_state(teaching: Teaching, gateway: Gateway) -> TeachState:
    """Return everything that the page shows; blocks while it reads the folder."""
    settings, job = gateway.settings, teaching.job
    actions = teaching.takes.actions()
    return TeachState(
        actions=[ActionTakes(name=each.name, takes=[take_ref(take) for take in each.takes]) for each in actions],
        num_bytes=teaching.takes.num_bytes(),
        limits=TeachLimits(
            min_actions=MIN_ACTIONS,
            max_actions=MAX_ACTIONS,
            min_takes=MIN_TAKES,
            max_takes=MAX_TAKES,
            max_take_bytes=settings.max_upload_bytes,
            max_bytes=settings.teach_max_bytes,
        ),
        not_trainable=teaching.why_not_trainable(),
        minutes=settings.teach_minutes,
        job=job_view(job, teaching, gateway) if job else None,
    )


def take_ref(take: Take) -> TakeRef:
    """Return a take without its path."""
    return TakeRef(id=take.id, num_bytes=take.num_bytes)


def job_view(job: Job, teaching: Teaching, gateway: Gateway) -> JobView:
    """Return a training with the state of its model in this service."""
    shown = dict(job) | {"has_report": job.has_ended and teaching.jobs.report.is_file()}
    if job.published:
        shown |= {"published": job.published.model_copy(update={"report": None})}
        shown |= _serving(job.published, gateway)
    return JobView(**shown)


def _serving(published: Published, gateway: Gateway) -> dict[str, Any]:
    versions = gateway.registry.all()
    found = next((each for each in versions if each.key == (published.model, published.version)), None)
    match found:
        case LoadedModel():
            return {"serving": "ready"}
        case RefusedModel(reason=reason):
            return {"serving": "refused", "refused": reason}
    return {"serving": "loading"}
