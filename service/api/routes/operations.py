"""Routes for operators: the models, health, metrics, and the meaning of each problem."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response

from service.api.http.dependencies import GatewayOfApp
from service.api.http.openapi import problem_responses
from service.api.http.problems import PROBLEMS
from service.api.schemas.predict import Health, ModelsResponse, ProblemMeaning
from service.api.schemas.presenters import model_statuses, tagged_digest
from service.models.registry import NoModelReady
from service.models.versions import LoadedModel
from service.telemetry.metrics import MEDIA_TYPE as METRICS_MEDIA_TYPE
from service.telemetry.metrics import ModelLabels

router = APIRouter()


@router.get(
    "/models",
    operation_id="listModels",
    summary="The models, served or refused",
    responses=problem_responses(500),
)
async def list_models(gateway: GatewayOfApp) -> ModelsResponse:
    """Every version in the store; a refused one says why."""
    try:
        default = gateway.registry.get().name
    except NoModelReady:
        default = None
    statuses = model_statuses(gateway.registry.models().values())
    return ModelsResponse(default=default, models=statuses, max_upload_bytes=gateway.settings.max_upload_bytes)


@router.get("/health/live", operation_id="live", summary="Is the process alive?", responses=problem_responses(500))
async def live() -> Health:
    """Answers as long as the process does."""
    return Health(status="live")


@router.get(
    "/health/ready",
    operation_id="ready",
    summary="Can it answer a prediction?",
    responses=problem_responses(500, 503),
)
async def ready(gateway: GatewayOfApp) -> Health:
    """Answers 200 when the default model is loaded and the service is not about to stop."""
    gateway.admission.check_staying()
    gateway.model()
    return Health(status="ready")


@router.get("/metrics", include_in_schema=False)
async def read_metrics(gateway: GatewayOfApp) -> Response:
    """The metrics in Prometheus' text format."""
    loaded = [model for model in gateway.registry.all() if isinstance(model, LoadedModel)]
    return Response(gateway.metrics.render(map(_labels, loaded)), media_type=METRICS_MEDIA_TYPE)


@router.get("/problems/{slug}", include_in_schema=False)
async def explain_problem(slug: str) -> ProblemMeaning:
    """The meaning of a problem's `type`."""
    for kind in PROBLEMS.values():
        if kind.slug == slug:
            return ProblemMeaning(type=f"/problems/{slug}", title=kind.title, status=kind.status)
    raise HTTPException(404)


def _labels(model: LoadedModel) -> ModelLabels:
    return ModelLabels(model.name, model.version, model.artifact, tagged_digest(model), ",".join(model.devices))
