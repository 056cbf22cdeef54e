"""Real TorchServe for tests, on free ports and in its own folders; always ended on exit."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from export.formats.torchserve_archive import to_torchserve
from service.store.manifest import Manifest
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_ports

DEMO = REPOSITORY / "model_store" / "tin-motion" / "1"
REQUIRED = os.environ.get("TIN_REQUIRE_TORCHSERVE") == "1"


def archive_demo(out, **changes):
    """The demo model's archive at `out`, made of its graph and manifest but for the changes; returns `out`."""
    manifest = Manifest.model_validate_json((DEMO / "manifest.json").read_bytes())
    arguments: dict[str, Any] = {"name": "tin-motion", "version": "1", "spec": manifest.clip, "labels": manifest.labels}
    out.write_bytes(to_torchserve((DEMO / "model.onnx").read_bytes(), **(arguments | changes)))
    return out


def need_torchserve(*, java=False):
    """Skip the test, saying what is missing; fail instead under TIN_REQUIRE_TORCHSERVE=1."""
    missing = [package for package in ("ts", "model_archiver") if importlib.util.find_spec(package) is None]
    if java and shutil.which("java") is None:
        missing.append("java")
    if missing and REQUIRED:
        pytest.fail(f"TIN_REQUIRE_TORCHSERVE=1, but these are missing: {', '.join(missing)}")
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}; `make test` installs the packages, the system Java 17")


class TorchServe:
    """Serves one archive with one worker; `addresses` and `keys` are by API: inference, management, token.

    `settings` are more lines of its config.properties.
    """

    def __init__(self, folder: Path, archive: Path, *settings: str) -> None:
        self._folder = folder
        self._archive = archive
        self._settings = settings
        self.key_file = folder / "key_file.json"
        self.addresses: dict[str, str] = {}
        self.keys: dict[str, str] = {}

    def __enter__(self):
        self._configure()
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        """Start it, also again: at the same addresses, with other keys."""
        command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--no-config-snapshots"]
        command += ["--model-store", str(self._archive.parent), "--models", self._archive.name]
        command += ["--ts-config", "config.properties"]
        # Its pid file, worker sockets and unpacked models go to the temporary folder, its key file to the current one.
        environment = {**os.environ, "TMPDIR": str(self._folder), "TEMP": str(self._folder), "OMP_NUM_THREADS": "1"}
        with (self._folder / "torchserve.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self):
        """End it at once."""
        # The launcher, Java and the workers are one process group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait_until_ready(self, model, seconds=50.0):
        """Wait until a worker of the model is ready, then read the keys; fail with the end of the log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError, httpx.TransportError, KeyError, IndexError, json.JSONDecodeError):
                self._read_keys()
                found = httpx.get(f"{self.addresses['management']}/models/{model}", headers=self.token("management"))
                if found.json()[0]["workers"][0]["status"] == "READY":
                    return
            time.sleep(0.2)
        pytest.fail("TorchServe did not start: " + (self._folder / "torchserve.log").read_text()[-3000:])

    def token(self, api):
        """The header that authorises a call of an API."""
        return {"Authorization": f"Bearer {self.keys[api]}"}

    def _configure(self):
        ports = free_ports(5)
        apis = ("inference", "management", "metrics")
        self.addresses = {api: f"http://127.0.0.1:{port}" for api, port in zip(apis, ports, strict=False)}
        lines = [f"{api}_address={address}" for api, address in self.addresses.items()]
        lines += [f"grpc_inference_port={ports[3]}", f"grpc_management_port={ports[4]}"]
        lines += ["default_workers_per_model=1", "disable_system_metrics=true", "vmargs=-Xmx256m", *self._settings]
        (self._folder / "config.properties").write_text("\n".join(lines) + "\n")

    def _read_keys(self):
        written = json.loads(self.key_file.read_text())
        self.keys = {api: entry["key"] for api, entry in written.items()}
