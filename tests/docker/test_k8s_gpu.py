"""Kubernetes overlay for GPUs: valid once merged into the manifests for processors. No cluster is needed."""

import copy

import kubernetes_validate
import pytest
import yaml

from service.backends.batch_sizes import BATCH_SIZES
from service.config.devices import Devices
from service.config.settings import Settings
from tests.docker.test_k8s import DEPLOYMENT, KUSTOMIZATION, NEWEST, OLDEST
from tests.helpers.paths import REPOSITORY

FOLDER = REPOSITORY / "docker" / "k8s-gpu"
OVERLAY = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def merged(base, patch):
    """Merge as Kubernetes' strategic merge does: objects by key, lists of named objects by name."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return base | {key: merged(base.get(key), value) for key, value in patch.items()}
    if isinstance(base, list) and all(isinstance(each, dict) and "name" in each for each in [*base, *patch]):
        changes = {each["name"]: each for each in patch}
        kept = [merged(each, changes.pop(each["name"], {})) for each in base]
        return [*kept, *changes.values()]
    return copy.deepcopy(patch)


@pytest.fixture
def deployment():
    (patch,) = OVERLAY["patches"]
    return merged(DEPLOYMENT, yaml.safe_load((FOLDER / patch["path"]).read_text()))


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_the_deployment(deployment, version):
    assert kubernetes_validate.validate(deployment, version, strict=True) == version


def test_each_pod_has_a_gpu_and_room_for_batches(deployment):
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert container["resources"]["requests"] == container["resources"]["limits"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert int(environment["TIN_MAX_QUEUE"]) >= 2 * max(BATCH_SIZES)
    assert environment["TIN_MODEL_STORE"] == "/model_store"
    assert Settings(device=environment["TIN_DEVICE"]).devices() == Devices((0,), may_use_cpu=False)
    assert container["startupProbe"]["httpGet"]["path"] == "/health/live"


def test_it_patches_what_is_there_and_takes_the_image_for_gpus():
    assert OVERLAY["resources"] == ["../k8s"]
    assert OVERLAY["namespace"] == KUSTOMIZATION["namespace"]
    (patch,), (image,) = OVERLAY["patches"], OVERLAY["images"]
    assert (patch["target"]["kind"], patch["target"]["name"]) == (DEPLOYMENT["kind"], DEPLOYMENT["metadata"]["name"])
    assert image["newName"] == "tin-serve/gateway-gpu"
    assert (REPOSITORY / "docker" / "gateway-gpu.Dockerfile").is_file()
