"""OpenAPI document: a client that a generator makes of it, without a warning, gets an answer and a problem."""

from __future__ import annotations

import importlib
import io
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.paths import REPOSITORY

CONFIG = Path(__file__).parent / "openapi_python_client.yaml"
DOCUMENT = REPOSITORY / "docs" / "openapi.json"


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the generated package, which can be imported."""
    python = os.environ.get("TIN_TEST_GENERATOR")
    if python is None:
        pytest.skip("TIN_TEST_GENERATOR names no environment with openapi-python-client; `make test` makes one")
    options = ["--path", DOCUMENT, "--config", CONFIG, "--output-path", tmp_path / "generated_tin", "--meta", "none"]
    command = [python, "-m", "openapi_python_client", "generate", "--fail-on-warning", *map(str, options)]
    path = f"{Path(python).parent}:{os.environ['PATH']}"  # its ruff formats what it wrote
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return "generated_tin"


def test_a_generated_client_predicts(generated: str, base_url: str, videos: dict[str, bytes]) -> None:
    def module(name: str) -> Any:
        return importlib.import_module(f"{generated}.{name}")

    predict, types, body = module("api.default.predict"), module("types"), module("models.predict_files_body")
    with module("client").Client(base_url=base_url, timeout=30) as client:
        form = body.PredictFilesBody(video=types.File(io.BytesIO(videos["mp4"]), "clip.mp4", "video/mp4"))
        answer = predict.sync(client=client, body=form, top_k=2)
        assert [action.label for action in answer.predictions][:1] == ["Showing blue"]
        assert (len(answer.predictions), answer.model.name, answer.clip.frames) == (2, "colours", 40)
        raw = predict.sync(client=client, body=types.File(io.BytesIO(b"no video")))
        assert (raw.status, raw.type_) == (415, "/problems/not-a-video")
