"""Routes of the Statistics extension: runs and times of all models, of one, and of one version."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.http.dependencies import GatewayOfApp
from service.api.http.openapi import v2_errors
from service.api.http.problems import PROTOCOL_V2
from service.api.routes.v2.named import NamedModel, NamedVersion
from service.models.versions import LoadedModel
from service.open_inference.statistics import StatisticsResponse, describe_statistics

router = APIRouter(prefix=f"{PROTOCOL_V2}/models")


@router.get("/stats", operation_id="v2Statistics", summary="Statistics of all models", responses=v2_errors(500))
async def statistics(gateway: GatewayOfApp) -> StatisticsResponse:
    """Every loaded version of every model."""
    loaded = [version for version in gateway.registry.all() if isinstance(version, LoadedModel)]
    return describe_statistics(loaded, gateway.metrics.runs)


@router.get(
    "/{name}/stats",
    operation_id="v2ModelStatistics",
    summary="Statistics of a model",
    responses=v2_errors(404, 500, 503),
)
async def statistics_of_model(model: NamedModel, gateway: GatewayOfApp) -> StatisticsResponse:
    """Every loaded version of this model."""
    versions = gateway.registry.models()[model.name].versions
    loaded = [version for version in versions if isinstance(version, LoadedModel)]
    return describe_statistics(loaded, gateway.metrics.runs)


@router.get(
    "/{name}/versions/{version}/stats",
    operation_id="v2ModelVersionStatistics",
    summary="Statistics of a version of a model",
    responses=v2_errors(404, 500, 503),
)
async def statistics_of_version(model: NamedVersion, gateway: GatewayOfApp) -> StatisticsResponse:
    """One version alone."""
    return describe_statistics([model], gateway.metrics.runs)
