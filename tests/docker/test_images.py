"""Dockerfiles, checked as text for the oldest builder; docker/smoke builds and runs them."""

import os
import re
import subprocess

import pytest

from tests.helpers.paths import REPOSITORY

FILES = sorted((REPOSITORY / "docker").glob("*.Dockerfile"))
BASE = "python:3.11-slim-bookworm"


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def lines(request):
    """Instructions, each joined with its continuation lines."""
    text = re.sub(r"^#.*\n", "", request.param.read_text(), flags=re.MULTILINE)
    return [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]


def of(lines, instruction):
    return [line.removeprefix(instruction).strip() for line in lines if line.startswith(f"{instruction} ")]


def test_there_are_six():
    names = ["gateway", "gateway-gpu", "ray", "torchserve", "trainer", "trainer-gpu"]
    assert sorted(path.stem for path in FILES) == names


def test_two_stages_from_one_base(lines):
    assert of(lines, "FROM") == [f"{BASE} AS build", BASE]


def test_the_oldest_builder_takes_it(lines):
    assert not [line for line in lines if "<<" in line or "RUN --mount" in line or "--chmod" in line]


def test_it_does_not_run_as_root(lines):
    assert of(lines, "USER") == ["tin"]
    assert "--uid 10001" in " ".join(lines)


def test_signals_arrive_at_what_runs(lines):
    assert all(line.startswith("[") for line in of(lines, "ENTRYPOINT") + of(lines, "CMD"))
    assert len(of(lines, "ENTRYPOINT")) == 1


def test_versions_are_pinned(lines):
    installs = re.findall(r"pip install .*?(?= && |$)", " ".join(lines))
    assert installs
    assert all("--constraint constraints.txt" in install for install in installs)


def test_dependencies_come_before_code(lines):
    copies = [index for index, line in enumerate(lines) if line.startswith("COPY clips")]
    assert all(index > next(i for i, line in enumerate(lines) if "pip install" in line) for index in copies)


def test_it_says_what_it_is(lines):
    labels = of(lines, "LABEL")[0]
    assert all(f"org.opencontainers.image.{name}=" in labels for name in ("title", "description", "licenses"))


@pytest.mark.parametrize("name", ["gateway-gpu", "trainer-gpu"])
def test_gpus_are_numbered_as_nvidia_smi_does(name):
    text = (REPOSITORY / "docker" / f"{name}.Dockerfile").read_text()
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in text
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in text


def test_what_serves_tells_its_health():
    for path in FILES:
        assert ("HEALTHCHECK" in path.read_text()) == (not path.stem.startswith("trainer")), path


def test_what_is_copied_is_let_in(lines):
    let_in = [
        line.removeprefix("!/") for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    for copy in of(lines, "COPY"):
        if "--from" not in copy:
            assert set(copy.split()[:-1]) <= set(let_in)


def test_torchserve_starts_no_model_but_says_what_is_missing(tmp_path):
    script = (REPOSITORY / "docker" / "torchserve" / "start").read_text().replace("/model_store", str(tmp_path))
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: there is no archive (*.mar)")


@pytest.mark.parametrize("path", ["docker/smoke", "docker/torchserve/start"])
def test_scripts_can_be_run(path):
    assert os.access(REPOSITORY / path, os.X_OK)
