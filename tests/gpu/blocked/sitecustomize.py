"""Blocks the packages that a GPU machine may lack: put this folder on PYTHONPATH."""

import sys

for name in ("av", "pydantic", "pydantic_settings", "fastapi", "httpx", "anyio", "uvicorn"):
    sys.modules[name] = None  # type: ignore[assignment]
