"""Files that start the service on Ray: valid for Ray and KubeRay, and consistent with each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.ray_cluster import THROUGHPUT, require_ray

require_ray()

from ray.serve.schema import ServeDeploySchema  # noqa: E402

from service.__main__ import cli  # noqa: E402
from service.config.settings import Settings  # noqa: E402
from service.deployment.ray_serve import build, models_with  # noqa: E402
from service.models.registry import Registry  # noqa: E402

FOLDER = REPOSITORY / "docker" / "ray"
OF_MODELS = models_with(Settings()).ray_actor_options or {}
"""Of the settings, as the file leaves them open."""


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return document


def test_the_serve_file_is_one_that_ray_takes():
    (application,) = ServeDeploySchema.model_validate(load("serve.yaml")).applications
    assert application.import_path == "service.deployment.ray_serve:app"
    assert set(application.args) <= set(Settings.model_fields)
    Settings(**application.args)


def test_the_serve_file_names_every_deployment():
    ingress = build(Settings(), lambda: Registry({}))._bound_deployment
    names = {ingress.name, *(bound._bound_deployment.name for bound in ingress.init_args)}
    assert {deployment["name"] for deployment in load("serve.yaml")["applications"][0]["deployments"]} == names


def test_the_manifest_deploys_the_serve_file():
    manifest = load("rayservice.yaml")
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayService")
    assert yaml.safe_load(manifest["spec"]["serveConfigV2"]) == load("serve.yaml")


@pytest.fixture(params=["rayservice.yaml", "rayjob.yaml"])
def cluster(request: pytest.FixtureRequest) -> dict[str, Any]:
    spec = load(request.param)["spec"]
    found: dict[str, Any] = spec.get("rayClusterConfig") or spec["rayClusterSpec"]
    return found


def test_a_manifest_starts_the_ray_that_is_pinned(cluster):
    pins = (REPOSITORY / "constraints.txt").read_text().splitlines()
    assert f"ray=={cluster['rayVersion']}" in pins


def test_a_manifest_lets_only_holders_of_the_token_in(cluster):
    assert cluster["authOptions"] == {"mode": "token"}


def test_the_head_has_room_for_the_ingress_alone():
    cluster = load("rayservice.yaml")["spec"]["rayClusterConfig"]
    needed = {
        deployment["name"]: deployment.get("ray_actor_options", OF_MODELS)["num_cpus"]
        for deployment in load("serve.yaml")["applications"][0]["deployments"]
    }
    room = float(cluster["headGroupSpec"]["rayStartParams"]["num-cpus"])
    assert [name for name, cores in needed.items() if cores <= room] == ["ingress"]


def test_every_pod_has_limits_and_reports_nothing(cluster):
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        for container in group["template"]["spec"]["containers"]:
            assert container["resources"]["requests"] == container["resources"]["limits"]
            assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]


@pytest.mark.parametrize("page", ["docker/ray.Dockerfile", "docs/growing.md"])
def test_the_variables_are_those_that_the_tests_run_with(page):
    given = dict(re.findall(r"\b(RAY_SERVE_\w+)=(\d+)", (REPOSITORY / page).read_text()))
    assert {name: given.get(name) for name in THROUGHPUT} == THROUGHPUT


def test_the_job_is_a_command_that_we_have_on_folders_that_are_mounted():
    job = load("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    python, module, name, *command = job["spec"]["entrypoint"].split()
    assert (python, module, name) == ("python", "-m", "service")
    commands: Any = get_command(cli)
    parsed = commands.commands[command[0]].make_context(command[0], command[1:])
    assert parsed.params["on_ray"]
    groups = job["spec"]["rayClusterSpec"]
    head, (worker,) = (mounts(groups["headGroupSpec"]), map(mounts, groups["workerGroupSpecs"]))
    store = Path("/model_store")
    assert head == {store, *parsed.params["files"], parsed.params["out"].parent}
    assert worker == {store, *parsed.params["files"]}


def mounts(group: dict[str, Any]) -> set[Path]:
    spec = group["template"]["spec"]
    (container,) = spec["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
    return {Path(mount["mountPath"]) for mount in container["volumeMounts"]}
