"""Telemetry of ONNX Runtime and OpenVINO, which store an identifier of the machine at their import, is off."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers.paths import REPOSITORY

HANDLER = REPOSITORY / "export" / "formats" / "torchserve_handler.py"


@pytest.mark.parametrize(
    ("program", "folder"),
    [
        ("import export.graph.int8", REPOSITORY),
        ("import service.backends.onnx_runtime", REPOSITORY),
        ("from service.backends import openvino; openvino.import_openvino()", REPOSITORY),
        (f"import runpy; runpy.run_path({str(HANDLER)!r})", "/"),
    ],
)
def test_no_identifier_of_the_machine_is_stored(program, folder, tmp_path):
    loud = {"CI", "ORT_DISABLE_TELEMETRY", "PYTHONPATH"}
    quiet = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if name not in loud} | quiet
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, check=True)
    assert not list(tmp_path.iterdir())
