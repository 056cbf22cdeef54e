"""TorchServe's config.properties: addresses on free ports, and a worker per core."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.processes import free_ports

MOST_BYTES = 100_000_000
"""Largest request; TorchServe's default is 6.5 MB."""


def write_config(folder: Path, port: int, *, num_workers: int) -> Path:
    """Write the file to a folder and return its path; `port` is the inference API's."""
    management, metrics, *grpc = free_ports(4)
    lines = [
        f"inference_address=http://127.0.0.1:{port}",
        f"management_address=http://127.0.0.1:{management}",
        f"metrics_address=http://127.0.0.1:{metrics}",
        f"grpc_inference_port={grpc[0]}",
        f"grpc_management_port={grpc[1]}",
        f"default_workers_per_model={num_workers}",
        f"max_request_size={MOST_BYTES}",
        "disable_token_authorization=true",
    ]
    path = folder / "config.properties"
    path.write_text("\n".join(lines) + "\n")
    return path
