"""Kubernetes manifests: valid, and consistent with each other and with the service. No cluster is needed."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from fastapi.routing import APIRoute

from service.api.routes import operations
from service.config.settings import Settings
from service.telemetry.metrics import Metrics, ModelLabels
from tests.helpers.paths import REPOSITORY

FOLDER = REPOSITORY / "docker" / "k8s"
OLDEST, NEWEST = "1.27", "1.37"
UNITS = {"Mi": 2**20, "Gi": 2**30}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def read(name):
    return yaml.safe_load((FOLDER / name).read_text())


KUSTOMIZATION = read("kustomization.yaml")
MANIFESTS = [*KUSTOMIZATION["resources"], "fill-store.yaml"]
DEPLOYMENT = read("deployment.yaml")
POD = DEPLOYMENT["spec"]["template"]
CONTAINER = POD["spec"]["containers"][0]
FILLER = read("fill-store.yaml")
FILLING = FILLER["spec"]["containers"][0]
STORE_CLAIM = read("model-store.yaml")["metadata"]["name"]


def num_bytes(quantity):
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def volume(name, pod=POD):
    return next(each for each in pod["spec"]["volumes"] if each["name"] == name)


def mount(name, container=CONTAINER):
    return next(each for each in container["volumeMounts"] if each["name"] == name)


@pytest.fixture
def settings(monkeypatch):
    """Settings of the gateway in the Deployment's environment."""
    for variable in CONTAINER["env"]:
        if "value" in variable:
            monkeypatch.setenv(variable["name"], variable["value"])
    return Settings()


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("name", MANIFESTS)
def test_kubernetes_takes_the_manifest(name, version):
    assert kubernetes_validate.validate(read(name), version, strict=True) == version


def test_kubectl_puts_the_manifests_together():
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    command = ["kubectl", "kustomize", str(FOLDER)]
    together = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    built = {manifest["kind"]: manifest for manifest in yaml.safe_load_all(together)}
    assert len(built) == len(KUSTOMIZATION["resources"])
    assert built["Deployment"]["metadata"]["namespace"] == KUSTOMIZATION["namespace"]
    assert built["Deployment"]["spec"]["template"]["spec"]["containers"][0]["image"] == FILLING["image"]


def test_the_image_is_of_this_version():
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert KUSTOMIZATION["images"] == [{"name": CONTAINER["image"], "newTag": version}]
    assert FILLING["image"] == f"{CONTAINER['image']}:{version}"


def test_all_are_in_one_namespace():
    names = read("namespace.yaml")["metadata"]["name"], KUSTOMIZATION["namespace"], FILLER["metadata"]["namespace"]
    assert len(set(names)) == 1


def test_every_selector_finds_the_pods():
    selectors = [
        DEPLOYMENT["spec"]["selector"]["matchLabels"],
        read("service.yaml")["spec"]["selector"],
        read("disruption-budget.yaml")["spec"]["selector"]["matchLabels"],
        read("network-policy.yaml")["spec"]["podSelector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in POD["spec"]["topologySpreadConstraints"]),
    ]
    assert all(selector == POD["metadata"]["labels"] for selector in selectors)
    assert "labels" not in FILLER["metadata"]


def test_the_autoscaler_scales_the_deployment():
    target = read("autoscaler.yaml")["spec"]["scaleTargetRef"]
    found = DEPLOYMENT["apiVersion"], DEPLOYMENT["kind"], DEPLOYMENT["metadata"]["name"]
    assert (target["apiVersion"], target["kind"], target["name"]) == found
    assert "replicas" not in DEPLOYMENT["spec"]


def test_the_autoscaler_reads_a_metric_that_there_is_before_the_queue_is_full(settings):
    (metric,) = read("autoscaler.yaml")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    idle = Metrics().render([ModelLabels("a", "1", "model.onnx", "sha256:0", "cpu")]).decode()
    assert f'\n{name}{{model="a",version="1"}} 0.0\n' in idle
    assert 0 < int(metric["pods"]["target"]["averageValue"]) < settings.max_queue


def test_the_adapter_hands_out_that_metric():
    (rule,) = read("prometheus-adapter.yaml")["rules"]["custom"]
    series, _, labels = rule["seriesQuery"].partition("{")
    assert series == read("autoscaler.yaml")["spec"]["metrics"][0]["pods"]["metric"]["name"]
    assert set(rule["resources"]["overrides"]) == set(re.findall(r'(\w+)!=""', labels)) == {"namespace", "pod"}


def test_variables_are_settings():
    known = {f"TIN_{field.upper()}" for field in Settings.model_fields}
    assert {variable["name"] for variable in CONTAINER["env"]} <= known


def test_keys_are_secret_and_optional():
    keys = next(variable for variable in CONTAINER["env"] if variable["name"] == "TIN_API_KEYS")
    assert set(keys) == {"name", "valueFrom"}
    assert keys["valueFrom"]["secretKeyRef"]["optional"] is True


def test_what_is_asked_of_the_pod_are_routes_that_there_are():
    paths = {route.path for route in operations.router.routes if isinstance(route, APIRoute)}
    probed = [CONTAINER[probe]["httpGet"]["path"] for probe in PROBES]
    assert probed == ["/health/live", "/health/ready", "/health/live"]
    assert {*probed, POD["metadata"]["annotations"]["prometheus.io/path"]} <= paths


def test_every_port_is_the_one_that_is_listened_on(settings):
    (port,) = CONTAINER["ports"]
    (served,) = read("service.yaml")["spec"]["ports"]
    (rule,) = read("network-policy.yaml")["spec"]["ingress"]
    probes = [CONTAINER[probe]["httpGet"]["port"] for probe in PROBES]
    assert settings.host == "0.0.0.0"
    assert port["containerPort"] == settings.port
    assert POD["metadata"]["annotations"]["prometheus.io/port"] == str(settings.port)
    assert {served["targetPort"], *probes, *(each["port"] for each in rule["ports"])} == {port["name"]}


def test_a_pod_that_ends_answers_what_it_accepted(settings):
    assert POD["spec"]["terminationGracePeriodSeconds"] > settings.drain_seconds + settings.deadline_seconds
    probe = CONTAINER["readinessProbe"]
    assert settings.drain_seconds > probe["periodSeconds"] * probe["failureThreshold"]


def test_an_update_takes_no_pod_away_first():
    assert DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_uploads_fit_the_temporary_folder_and_all_of_it_the_memory(settings):
    temporary = num_bytes(volume("tmp")["emptyDir"]["sizeLimit"])
    memory = num_bytes(CONTAINER["resources"]["limits"]["memory"])
    assert volume("tmp")["emptyDir"]["medium"] == "Memory"
    assert settings.max_uploads * settings.max_upload_bytes <= temporary
    # A video in the queue is held here and, while it is decoded, by a decoder.
    assert temporary + 2 * settings.max_queue * settings.max_upload_bytes < memory


def test_what_is_limited_is_also_requested():
    resources = CONTAINER["resources"]
    assert resources["requests"] == resources["limits"]
    assert {"cpu", "memory"} <= set(resources["limits"])


def test_the_gateway_reads_the_store_that_is_filled(settings):
    ours, filled = mount("model-store"), mount("model-store", FILLING)
    claims = [volume("model-store", pod)["persistentVolumeClaim"]["claimName"] for pod in (POD, FILLER)]
    assert claims == [STORE_CLAIM, STORE_CLAIM]
    assert Path(ours["mountPath"]) == Path(filled["mountPath"]) == settings.model_store
    assert ours["readOnly"] is True


@pytest.mark.parametrize("pod", [POD, FILLER], ids=["gateway", "fill-store"])
def test_a_pod_may_do_nothing_that_it_need_not(pod):
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_gateway_calls_nobody():
    policy = read("network-policy.yaml")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []


def test_the_gateway_is_called_from_the_ingress_and_from_monitoring_only():
    (rule,) = read("network-policy.yaml")["spec"]["ingress"]
    names = [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in rule["from"]]
    assert names == ["ingress-nginx", "monitoring"]
    assert all(set(peer) == {"namespaceSelector"} for peer in rule["from"])
