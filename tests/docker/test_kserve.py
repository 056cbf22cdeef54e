"""KServe manifests: valid by KServe's own types, and consistent with each other and with the service."""

from __future__ import annotations

import copy
import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from service.api.routes import operations
from service.config.settings import Settings
from tests.docker.test_k8s import NEWEST, OLDEST, PROBES, num_bytes, read
from tests.helpers.paths import REPOSITORY

FOLDER = REPOSITORY / "docker" / "kserve"
FILES = ("serving-runtime.yaml", "inference-service.yaml")
RECORDED = json.loads((REPOSITORY / "tests" / "golden" / "kserve.json").read_text())

RUNTIME, SERVICE = (yaml.safe_load((FOLDER / name).read_text()) for name in FILES)
CONTAINER = RUNTIME["spec"]["containers"][0]
PREDICTOR = SERVICE["spec"]["predictor"]
VARIABLES = [*CONTAINER["env"], *PREDICTOR["model"]["env"]]


def validator(kind: str, version: str) -> Draft202012Validator:
    """Validator of a kind of KServe's resources, which refuses unknown fields; `version` is that of Kubernetes."""
    schemas = resources.files("kubernetes_validate") / "kubernetes-json-schema"
    kubernetes = json.loads((schemas / f"v{version}.0-local-strict" / "_definitions.json").read_text())
    registry: Registry[Any] = Resource.from_contents(kubernetes) @ Registry()
    return Draft202012Validator({**RECORDED["resources"][kind], "$defs": RECORDED["$defs"]}, registry=registry)


def errors(manifest: dict[str, Any], version: str = NEWEST) -> list[str]:
    """Messages of what is not valid."""
    return [error.message for error in validator(manifest["kind"], version).iter_errors(manifest)]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of the gateway in the runtime's environment."""
    for variable in VARIABLES:
        if "value" in variable:
            monkeypatch.setenv(variable["name"], variable["value"])
    return Settings()


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("manifest", [RUNTIME, SERVICE], ids=FILES)
def test_kserve_takes_the_manifest(manifest: dict[str, Any], version: str) -> None:
    assert errors(manifest, version) == []


@pytest.mark.parametrize(
    ("manifest", "path", "field", "value"),
    [
        (RUNTIME, ["spec"], "terminationGracePeriodSeconds", 60),
        (RUNTIME, ["spec"], "multiModel", "no"),
        (RUNTIME, ["spec", "supportedModelFormats", 0], "autoselect", True),
        (RUNTIME, ["spec", "containers", 0], "storageUri", "pvc://store"),
        (RUNTIME, ["spec", "containers", 0, "readinessProbe", "httpGet"], "url", "/"),
        (SERVICE, ["spec", "predictor"], "replicas", 2),
        (SERVICE, ["spec", "predictor", "model"], "storageURI", "pvc://store"),
        (SERVICE, ["spec", "predictor", "model", "modelFormat"], "version", 1),
        (SERVICE, ["spec", "predictor"], "sklearn", {}),
    ],
)
def test_a_field_that_kserve_does_not_have_is_found(
    manifest: dict[str, Any], path: list[Any], field: str, value: Any
) -> None:
    changed = part = copy.deepcopy(manifest)
    for step in path:
        part = part[step]
    part[field] = value
    assert len(errors(changed)) == 1


def test_fields_that_kserve_requires() -> None:
    assert errors(RUNTIME | {"spec": {}}) == ["'containers' is a required property"]
    assert errors(SERVICE | {"spec": {}}) == ["'predictor' is a required property"]


def test_the_service_names_the_runtime_and_its_format_and_protocol() -> None:
    model, (offered,) = PREDICTOR["model"], RUNTIME["spec"]["supportedModelFormats"]
    assert model["runtime"] == RUNTIME["metadata"]["name"]
    assert model["modelFormat"] == {"name": offered["name"], "version": offered["version"]}
    assert [model["protocolVersion"]] == RUNTIME["spec"]["protocolVersions"] == ["v2"]
    assert CONTAINER["name"] == "kserve-container"


def test_the_store_is_what_kserve_mounts(settings: Settings) -> None:
    assert settings.model_store == Path("/mnt/models")
    assert PREDICTOR["model"]["storageUri"] == f"pvc://{read('model-store.yaml')['metadata']['name']}"


def test_the_image_is_of_this_version() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert CONTAINER["image"] == f"tin-serve/gateway:{version}"


def test_variables_are_settings() -> None:
    assert {variable["name"] for variable in VARIABLES} <= set(Settings.variables())


def test_what_is_asked_of_the_pod_are_routes_that_there_are() -> None:
    paths = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())["paths"]
    probed = [CONTAINER[probe]["httpGet"]["path"] for probe in PROBES]
    assert probed == ["/v2/health/live", "/v2/health/ready", "/v2/health/live"]
    assert set(probed) <= set(paths)
    assert RUNTIME["spec"]["annotations"]["prometheus.kserve.io/path"] in {
        route.path for route in operations.router.routes if isinstance(route, APIRoute)
    }


def test_every_port_is_the_one_that_is_listened_on(settings: Settings) -> None:
    (port,) = CONTAINER["ports"]
    probed = {CONTAINER[probe]["httpGet"]["port"] for probe in PROBES}
    assert settings.host == "0.0.0.0"
    assert {port["containerPort"], *probed} == {settings.port}
    assert RUNTIME["spec"]["annotations"]["prometheus.kserve.io/port"] == str(settings.port)


def test_a_pod_that_ends_answers_what_it_accepted(settings: Settings) -> None:
    assert PREDICTOR["terminationGracePeriodSeconds"] > settings.drain_seconds + settings.deadline_seconds
    probe = CONTAINER["readinessProbe"]
    assert settings.drain_seconds > probe["periodSeconds"] * probe["failureThreshold"]


def test_uploads_fit_the_temporary_folder_and_all_of_it_the_memory(settings: Settings) -> None:
    (volume,), (mount,) = RUNTIME["spec"]["volumes"], CONTAINER["volumeMounts"]
    temporary, limits = num_bytes(volume["emptyDir"]["sizeLimit"]), CONTAINER["resources"]["limits"]
    assert (mount["name"], mount["mountPath"], volume["emptyDir"]["medium"]) == (volume["name"], "/tmp", "Memory")
    assert settings.max_uploads * settings.max_upload_bytes <= temporary
    assert temporary + 2 * settings.max_queue * settings.max_upload_bytes < num_bytes(limits["memory"])
    assert CONTAINER["resources"]["requests"] == limits


def test_a_pod_may_do_nothing_that_it_need_not() -> None:
    context = CONTAINER["securityContext"]
    assert context["runAsNonRoot"] is context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is PREDICTOR["automountServiceAccountToken"] is False
    assert context["runAsUser"] == context["runAsGroup"] == PREDICTOR["securityContext"]["fsGroup"] == 10001
    assert context["capabilities"] == {"drop": ["ALL"]}
