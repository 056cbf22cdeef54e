"""Compose services: limited, without privileges, and without ports that nobody outside needs."""

import json
import os
import shutil
import subprocess
import tomllib

import pytest
import yaml

from service.config.settings import Settings
from tests.helpers.paths import REPOSITORY

COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
GATEWAYS = [name for name in SERVICES if name.startswith("gateway")]
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]

OF_THE_IMAGE = {"TIN_HOST", "TIN_PORT", "TIN_MODEL_STORE"}
OF_RAY = {"TIN_MODEL_GPUS"}
OF_TRACES = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
}
OF_TORCHSERVE = {"TIN_TORCHSERVE_URL", "TIN_TORCHSERVE_MANAGEMENT_URL", "TIN_TORCHSERVE_KEYS"}


@pytest.fixture(params=SERVICES)
def service(request):
    return SERVICES[request.param]


def test_a_service_has_no_privilege_and_writes_to_nothing_of_its_image(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_a_service_is_bounded(service):
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert "restart" in service


def test_an_image_has_a_version(service):
    name, _, tag = service["image"].rpartition(":")
    assert tag == VERSION if name.startswith("tin-serve/") else tag[0].isdigit() or tag[0] == "v"


def test_what_is_built_is_there(service):
    if "build" in service:
        assert (REPOSITORY / service["build"]["dockerfile"]).is_file()


def test_only_the_gateway_starts_unasked():
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["gateway"]
    assert SERVICES["gateway"]["ports"] == ["${GATEWAY_PORT:-8000}:8000"]


def test_the_store_is_served_read_only():
    for name in (*GATEWAYS, "torchserve"):
        assert next(volume for volume in SERVICES[name]["volumes"] if ":/model_store" in volume).endswith(":ro")


def test_every_setting_can_be_passed():
    everything = {f"TIN_{name.upper()}" for name in Settings.model_fields} - OF_RAY
    for name in GATEWAYS:
        passed = set(SERVICES[name]["environment"])
        assert passed - OF_TORCHSERVE == (everything - OF_THE_IMAGE - OF_TORCHSERVE) | OF_TRACES


def test_torchserve_is_reached_by_its_gateway_alone():
    assert "ports" not in SERVICES["torchserve"]
    assert COMPOSE["networks"]["models"] == {"internal": True}
    on_it = [name for name, service in SERVICES.items() if "models" in service.get("networks", [])]
    assert on_it == ["gateway-torchserve", "torchserve"]
    assert SERVICES["torchserve"]["networks"] == ["models"]


def test_torchserve_s_keys_are_in_memory_and_read_only_for_others():
    assert COMPOSE["volumes"]["keys"]["driver_opts"]["type"] == "tmpfs"
    assert [name for name, service in SERVICES.items() if "keys:/keys:ro" in service.get("volumes", [])] == [
        "gateway-torchserve"
    ]


def test_monitoring_is_for_this_machine_only():
    for name in ("prometheus", "grafana"):
        assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


def test_stopping_waits_for_what_was_accepted():
    deadline = Settings.model_fields["deadline_seconds"].default + Settings.model_fields["drain_seconds"].default
    for name in GATEWAYS:
        assert float(SERVICES[name]["stop_grace_period"].removesuffix("s")) > deadline


@pytest.mark.parametrize("name", ["gateway-gpu", "trainer-gpu"])
def test_a_gpu_is_chosen_by_number_or_uuid(name):
    (device,) = SERVICES[name]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "device_ids": ["${GPU_DEVICE:-0}"], "capabilities": ["gpu"]}


def test_batches_have_room_to_form_on_a_gpu():
    assert SERVICES["gateway-gpu"]["environment"]["TIN_MAX_QUEUE"] == "${TIN_MAX_QUEUE:-64}"


def test_trainers_write_to_the_caller_s_folder_as_its_owner():
    for name in ("trainer", "trainer-gpu"):
        assert SERVICES[name]["user"] == "${TRAINER_USER:-10001}"
        assert SERVICES[name]["volumes"] == ["${TRAINER_FOLDER:-.}:/project"]
    assert SERVICES["trainer-gpu"]["tmpfs"][0].endswith(",exec"), "Triton loads what it compiled there"


def test_compose_understands_it():
    compose = _compose()
    names = ("torchserve", "gpu", "monitoring", "train", "train-gpu")
    profiles = [word for name in names for word in ("--profile", name)]
    environment = os.environ | {"GATEWAY_PORT": "8123", "TIN_API_KEYS": "secret"}
    command = [*compose, *profiles, "config"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    understood = yaml.safe_load(done.stdout)["services"]
    assert understood.keys() == SERVICES.keys()
    assert "8123" in json.dumps(understood["gateway"]["ports"])
    assert understood["gateway-torchserve"]["environment"]["TIN_API_KEYS"] == "secret"


def _compose():
    if shutil.which("docker"):
        found = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if found.returncode == 0:
            return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    return pytest.skip("neither `docker compose` nor docker-compose is there")
