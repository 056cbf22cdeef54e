"""Succeeds when TorchServe answers and every model has workers, all of them ready."""

import http.client
import json
from pathlib import Path
from typing import Any

MANAGEMENT_PORT = 8081


def main() -> None:
    """Ends with 1 and says what is not ready."""
    names = [model["modelName"] for model in _get("/models")["models"]]
    workers = [worker for name in names for worker in _get(f"/models/{name}")[0]["workers"]]
    if not workers or any(worker["status"] != "READY" for worker in workers):
        raise SystemExit(f"not ready: {workers}")


def _get(path: str) -> Any:
    key = json.loads(Path("key_file.json").read_text())["management"]["key"]
    connection = http.client.HTTPConnection("127.0.0.1", MANAGEMENT_PORT, timeout=2)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    return json.load(connection.getresponse())


if __name__ == "__main__":
    main()
