"""The doctor's checks, on good and on broken installations."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.config.settings import Settings
from service.doctor.check import Finding, examine
from service.doctor.checks import checks
from tests.helpers.fakes.unconfined_worker import serve_unconfined
from tests.helpers.paths import REPOSITORY

Run = Callable[..., subprocess.CompletedProcess[str]]

SHIPPED = REPOSITORY / "model_store"
CODECS = ["H.264", "HEVC", "VP8", "VP9", "AV1", "MPEG-4", "MJPEG"]
OF_A_VERSION = ["files", "loads", "logits", "label"]


def _findings(**settings: object) -> dict[str, Finding]:
    found = [examine(check, lambda _: None) for check in checks(Settings.model_validate(settings))]
    return {finding.check: finding for finding in found}


def test_all_is_well_with_what_is_shipped(run_cli: Run) -> None:
    done = run_cli("doctor", "--json", TIN_MODEL_STORE=str(SHIPPED))
    findings = [Finding.model_validate_json(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [finding for finding in findings if finding.status != "ok"] == []
    assert [finding.check for finding in findings] == [
        *["machine", "libraries", "temporary space", "sandbox"],
        *[f"codec: {codec}" for codec in CODECS],
        *[f"stage: {stage}" for stage in ("indices", "RGB frames", "resize", "normalise")],
        "model store",
        "tin-motion: policy",
        *[f"tin-motion 1: {each}" for each in OF_A_VERSION],
    ]


def test_torch_is_not_needed() -> None:
    code = "import sys; sys.modules['torch'] = None; from service.__main__ import cli; cli(['doctor'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=SHIPPED.parent, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("installed", "status"), [("onnxruntime", "ok"), ("onnxruntime-gpu", "ok"), ("", "failed")])
def test_either_distribution_of_onnx_runtime_is_right(
    monkeypatch: pytest.MonkeyPatch, installed: str, status: str
) -> None:
    names = {"av", "numpy", "opencv-python-headless", installed}

    def version(name: str) -> str:
        if name not in names:
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "distributions", lambda: [SimpleNamespace(name=name) for name in names])
    monkeypatch.setattr(metadata, "version", version)
    libraries = next(check for check in checks(Settings()) if check.name == "libraries")
    finding = examine(libraries, lambda _: None)
    assert finding.status == status
    assert (installed or "onnxruntime") in finding.found


def test_a_failed_check_says_what_to_do(run_cli: Run) -> None:
    done = run_cli("doctor")
    assert done.returncode == 1
    assert "broken/1/model.onnx is not the file that was published" in " ".join(done.stdout.split())
    assert done.stdout.count("to do: ") == done.stdout.count(" failed ") == 2


def test_what_depends_on_a_failed_check_is_skipped(store: Path) -> None:
    findings = _findings(model_store=store)
    broken = [findings[f"broken 1: {each}"] for each in OF_A_VERSION]
    assert [finding.status for finding in broken] == ["failed", "skipped", "skipped", "skipped"]
    assert broken[0].advice
    assert "python -m export" in broken[0].advice
    assert findings["unproven 1: files"].status == "failed"


def test_a_model_that_nothing_was_recorded_of_is_not_judged(store: Path) -> None:
    findings = _findings(model_store=store)
    colours = [findings[f"colours 2: {each}"] for each in OF_A_VERSION]
    assert [finding.status for finding in colours] == ["ok", "ok", "skipped", "skipped"]
    assert "model.onnx" in colours[1].found


def test_a_format_that_does_not_run_here(store: Path) -> None:
    finding = _findings(model_store=store, backend="tensorrt")["colours 1: loads"]
    assert finding.status == "failed"
    assert "tensorrt" in finding.found


def test_without_a_store_the_rest_is_checked(run_cli: Run) -> None:
    done = run_cli("doctor", "--json", "--store", "nowhere")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [finding["found"] for finding in findings if finding["status"] == "failed"] != []
    assert "nowhere" in findings[-1]["found"]
    assert "TIN_MODEL_STORE" in findings[-1]["advice"]


def test_the_store_must_hold_models(store: Path, tmp_path: Path) -> None:
    assert _findings(model_store=tmp_path)["model store"].status == "failed"
    (tmp_path / "colours").symlink_to(store / "colours")
    assert "'none'" in _findings(model_store=tmp_path, default_model="none")["model store"].found
    (tmp_path / "half" / "1").mkdir(parents=True)
    finding = _findings(model_store=tmp_path)["model store"]
    assert f"{tmp_path}/half/1" in finding.found


@pytest.mark.parametrize("text", ["{", '{"serve": {"pinned": 7}}'])
def test_a_policy_that_cannot_be_followed(tmp_path: Path, publish: Callable[..., Path], text: str) -> None:
    publish(tmp_path, "colours", "1")
    finding = _findings(model_store=tmp_path)["colours: policy"]
    assert (finding.status, "latest" in finding.found) == ("ok", True)
    (tmp_path / "colours" / "policy.json").write_text(text)
    finding = _findings(model_store=tmp_path)["colours: policy"]
    assert finding.status == "failed"
    assert "tin models" in (finding.advice or "")


def test_an_upload_must_fit_where_it_is_kept(store: Path) -> None:
    finding = _findings(model_store=store, max_upload_bytes=10**18)["temporary space"]
    assert finding.status == "failed"
    assert "1000000000.0 GB" in finding.found


def test_no_version_stays_loaded(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []

    def close(backend: OnnxRuntimeBackend) -> None:
        closed.append(backend)

    monkeypatch.setattr(OnnxRuntimeBackend, "close", close)
    _findings(model_store=store)
    assert len(closed) == 2


def test_without_a_sandbox_it_warns(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _findings(model_store=store)["sandbox"].status == "ok"
    monkeypatch.setattr("service.decoding.process.serve", serve_unconfined)
    finding = _findings(model_store=store)["sandbox"]
    assert finding.status == "warning"
    assert finding.advice
