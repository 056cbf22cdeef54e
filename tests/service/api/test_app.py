"""The application as a whole: what it imports, and what a browser gets from it."""

from __future__ import annotations

import re
import subprocess
import sys

import httpx
import pytest

from service.api.middleware.response_headers import HEADERS
from service.api.routes.pages import WEB
from tests.helpers.paths import REPOSITORY


def test_import_loads_no_torch_and_no_code_that_trains() -> None:
    program = (
        "import sys, service.api.app, service.__main__\n"
        "import service.deployment.uvicorn_server, service.backends.onnx_runtime\n"
        "print(sorted({'torch', 'onnx', 'training', 'export'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/live",
        "/docs",
        "/store",
        "/client.js",
        "/web/predict/app.js",
        "/web/shared/style.css",
        "/web/shared/icon.svg",
    ],
)
def test_pages_come_with_headers_that_keep_a_browser_safe(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert client.head(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/models"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/v2/models/colours"),
        ("POST", "/v2/models/colours/infer"),
        ("POST", "/predict"),
        ("GET", "/nothing"),
        ("PUT", "/predict"),
    ],
)
def test_everything_else_comes_with_them_too(client: httpx.Client, method: str, path: str) -> None:
    headers = client.request(method, path).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS


def test_pages_name_no_outside_address() -> None:
    """Swagger UI names some in texts; its own test looks at what it asks for."""
    files = [file for file in WEB.rglob("*") if file.suffix in {".css", ".html", ".js", ".svg"}]
    files = [file for file in files if file.parent.name != "swagger-ui"]
    assert len(files) > 30
    for file in files:
        addresses = set(re.findall(r"https?://[^\s\"'`)]+|(?<=[\"'(])//\w[^\s\"']+", file.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, file.name
