"""OpenAPI contract: schemathesis sends valid and invalid requests to a real server, which answers as documented."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.helpers.paths import REPOSITORY

SETTINGS = Path(__file__).parent / "schemathesis.toml"
EXAMPLES = 40


def test_schemathesis_finds_no_failure(
    start_service: Callable[..., str], publish: Callable[..., Path], videos: dict[str, bytes], tmp_path: Path
) -> None:
    store, good = tmp_path / "store", tmp_path / "good.mp4"
    publish(store, "colours", "1")
    good.write_bytes(videos["mp4"])
    address = start_service(model_store=store)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS)]
    command += ["run", f"{address}/openapi.json"]
    options = ["--checks=all", f"--max-examples={EXAMPLES}", "--seed=1", "--generation-database=none", "--no-color"]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.service.schemathesis_hooks", "TIN_TEST_GOOD_VIDEO": str(good)}
    environment = os.environ | hooks | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
