"""Succeeds when TorchServe answers and every model has a worker that is ready."""

import json
import urllib.request
from pathlib import Path
from typing import Any

MANAGEMENT = "http://127.0.0.1:8081"


def main() -> None:
    names = [model["modelName"] for model in _get("/models")["models"]]
    workers = [worker for name in names for worker in _get(f"/models/{name}")[0]["workers"]]
    if not names or any(worker["status"] != "READY" for worker in workers):
        raise SystemExit(f"not ready: {workers}")


def _get(path: str) -> Any:
    key = json.loads(Path("key_file.json").read_text())["management"]["key"]
    request = urllib.request.Request(MANAGEMENT + path, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=2) as answer:
        return json.load(answer)


main()
