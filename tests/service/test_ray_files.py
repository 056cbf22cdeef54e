"""The files that start the service on Ray say what Ray and KubeRay read, and the two say the same."""

from __future__ import annotations

from typing import Any

import yaml

from tests.service.ray_cluster import REPOSITORY, require_ray

require_ray()

from ray.serve.schema import ServeDeploySchema  # noqa: E402

from service.cluster import build  # noqa: E402
from service.registry import Registry  # noqa: E402
from service.settings import Settings  # noqa: E402

FOLDER = REPOSITORY / "docker" / "ray"


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return document


def test_the_serve_file_is_one_that_ray_takes():
    (application,) = ServeDeploySchema.model_validate(load("serve.yaml")).applications
    assert application.import_path == "service.cluster:app"
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


def test_the_manifest_starts_the_ray_that_is_pinned():
    pins = (REPOSITORY / "constraints.txt").read_text().splitlines()
    cluster = load("rayservice.yaml")["spec"]["rayClusterConfig"]
    assert f"ray=={cluster['rayVersion']}" in pins


def test_the_head_has_room_for_the_ingress_alone():
    cluster = load("rayservice.yaml")["spec"]["rayClusterConfig"]
    needed = {
        deployment["name"]: deployment["ray_actor_options"]["num_cpus"]
        for deployment in load("serve.yaml")["applications"][0]["deployments"]
    }
    room = float(cluster["headGroupSpec"]["rayStartParams"]["num-cpus"])
    assert [name for name, cores in needed.items() if cores <= room] == ["ingress"]


def test_every_pod_has_limits_and_reports_nothing():
    cluster = load("rayservice.yaml")["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        for container in group["template"]["spec"]["containers"]:
            assert container["resources"]["requests"] == container["resources"]["limits"]
            assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]
