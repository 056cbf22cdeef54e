"""HTTP answers of the service as tests compare them: problems and metrics."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and slug of an RFC 9457 problem."""
    return response.status_code, response.json()["type"].removeprefix("/problems/")


def metric(address: str, name: str, **labels: str) -> float:
    """Sum of the samples of `/metrics` with this name that carry these labels; 0 where there is none yet."""
    families = text_string_to_metric_families(httpx.get(f"{address}/metrics").text)
    samples = (sample for family in families for sample in family.samples if sample.name == name)
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())
