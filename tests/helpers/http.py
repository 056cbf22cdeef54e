"""HTTP answers of the service as tests compare them: problems and metrics."""

from __future__ import annotations

import httpx


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and slug of an RFC 9457 problem."""
    return response.status_code, response.json()["type"].removeprefix("/problems/")


def metric(address: str, sample: str) -> float:
    """Value of one sample of `/metrics`, labels included in its name; 0 where there is none yet."""
    lines = httpx.get(f"{address}/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{sample} ")), 0.0)
