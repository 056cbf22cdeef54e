"""Routes of a model under /v2: its metadata, its configuration, and whether it answers."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.http.dependencies import GatewayOfApp
from service.api.http.openapi import v2_errors
from service.api.http.problems import PROTOCOL_V2
from service.api.routes.v2.named import NamedModel, NamedVersion
from service.inference.pipeline import Gateway
from service.models.versions import LoadedModel
from service.open_inference.metadata import ModelMetadata, ModelReady, describe_model
from service.open_inference.model_config import ModelConfig, describe_config

router = APIRouter(prefix=f"{PROTOCOL_V2}/models/{{name}}", responses=v2_errors(404, 500, 503))


@router.get("", operation_id="v2Model", summary="What a model takes and gives")
async def metadata(model: NamedModel, gateway: GatewayOfApp) -> ModelMetadata:
    """The tensors of the version of the model's policy; a request has one of the inputs."""
    return _metadata(model, gateway)


@router.get("/versions/{version}", operation_id="v2ModelVersion", summary="What a version of a model takes and gives")
async def metadata_of_version(model: NamedVersion, gateway: GatewayOfApp) -> ModelMetadata:
    """The tensors of this version."""
    return _metadata(model, gateway)


@router.get("/ready", operation_id="v2ModelReady", summary="Does a model answer?")
async def ready(model: NamedModel) -> ModelReady:
    """Answers 200 when a version of the model is loaded."""
    return _ready(model)


@router.get(
    "/versions/{version}/ready", operation_id="v2ModelVersionReady", summary="Does a version of a model answer?"
)
async def ready_of_version(model: NamedVersion) -> ModelReady:
    """Answers 200 when this version is loaded."""
    return _ready(model)


@router.get(
    "/config",
    operation_id="v2ModelConfig",
    summary="A model's configuration, as Triton writes it",
    response_model_exclude_none=True,
)
async def config(model: NamedModel, gateway: GatewayOfApp) -> ModelConfig:
    """The JSON of Triton's ModelConfig for the version of the model's policy."""
    return _config(model, gateway)


@router.get(
    "/versions/{version}/config",
    operation_id="v2ModelVersionConfig",
    summary="The configuration of a version of a model, as Triton writes it",
    response_model_exclude_none=True,
)
async def config_of_version(model: NamedVersion, gateway: GatewayOfApp) -> ModelConfig:
    """The JSON of Triton's ModelConfig for this version."""
    return _config(model, gateway)


def _metadata(model: LoadedModel, gateway: Gateway) -> ModelMetadata:
    versions = gateway.registry.models()[model.name].versions
    return describe_model(model, [each.version for each in versions if isinstance(each, LoadedModel)])


def _ready(model: LoadedModel) -> ModelReady:
    model.check_up()
    return ModelReady(name=model.name)


def _config(model: LoadedModel, gateway: Gateway) -> ModelConfig:
    versions = gateway.registry.models()[model.name]
    return describe_config(model, versions, gateway.settings.max_clips_per_request)
