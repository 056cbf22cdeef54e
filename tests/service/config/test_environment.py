"""Environment variables: unknown ones are refused, those of the tests and of Kubernetes are not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from service.config.environment import UnknownVariable, check_variables
from service.config.settings import Settings
from tests.helpers.paths import REPOSITORY

SETTINGS = ("TIN_HOST", "TIN_MAX_QUEUE", "TIN_MAX_QUEUE_PER_KEY", "TIN_PORT")


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("TIN_MAX_QUEU", "TIN_MAX_QUEUE"),
        ("TIN_PROT", "TIN_PORT"),
        ("tin_max_queu", "TIN_MAX_QUEUE"),
        ("TIN_MAXQUEUEPERKEY", "TIN_MAX_QUEUE_PER_KEY"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_setting(variable: str, nearest: str) -> None:
    with pytest.raises(UnknownVariable, match=f"^{variable} .* {nearest}[?]$"):
        check_variables({"PATH": "/bin", "TIN_HOST": "", variable: "3"}, SETTINGS)


def test_a_variable_like_no_setting_is_refused_without_advice() -> None:
    with pytest.raises(UnknownVariable, match="TIN_XYZZY") as refused:
        check_variables({"TIN_XYZZY": ""}, SETTINGS)
    assert not any(setting in str(refused.value) for setting in SETTINGS)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIN_MAX_QUEUE", "3"),
        ("tin_max_queue", "3"),
        ("TIN_TEST_PYTHON", "python3"),
        ("TIN_TEST_GOOD_VIDEO", "a.mp4"),
        ("TIN_REQUIRE_BROWSER", "1"),
        ("TINY", "1"),
        ("MY_TIN_TOY", "1"),
    ],
)
def test_settings_and_variables_of_others_pass(variable: str, value: str) -> None:
    check_variables({variable: value}, SETTINGS)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        # a Service `tin-serve`
        ("TIN_SERVE_SERVICE_HOST", "10.0.0.7"),
        ("TIN_SERVE_SERVICE_PORT", "8000"),
        ("TIN_SERVE_SERVICE_PORT_HTTP", "8000"),
        ("TIN_SERVE_PORT", "tcp://10.0.0.7:8000"),
        ("TIN_SERVE_PORT_8000_TCP", "tcp://10.0.0.7:8000"),
        ("TIN_SERVE_PORT_8000_TCP_PROTO", "tcp"),
        ("TIN_SERVE_PORT_8000_TCP_PORT", "8000"),
        ("TIN_SERVE_PORT_8000_TCP_ADDR", "10.0.0.7"),
        ("TIN_SERVE_PORT_53_UDP", "udp://10.0.0.7:53"),
        # a Service `tin`
        ("TIN_SERVICE_HOST", "10.0.0.7"),
        ("TIN_SERVICE_PORT", "8000"),
        ("TIN_SERVICE_PORT_METRICS", "9000"),
        ("TIN_PORT", "tcp://10.0.0.7:8000"),
        ("TIN_PORT_8000_TCP", "tcp://10.0.0.7:8000"),
        ("TIN_PORT_8000_TCP_ADDR", "10.0.0.7"),
    ],
)
def test_service_links_of_kubernetes_pass(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_variables({variable: value}, ("TIN_HOST",))
    monkeypatch.setenv(variable, value)
    assert Settings().port == 8000


def test_an_address_is_no_value_of_another_unknown_variable() -> None:
    with pytest.raises(UnknownVariable, match="TIN_SERVE_PORT"):
        check_variables({"TIN_SERVE_PORT": "8000"}, SETTINGS)


def test_settings_refuse_an_unknown_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIN_MAX_QUEU", "3")
    with pytest.raises(UnknownVariable, match="TIN_MAX_QUEUE"):
        Settings(port=0)


def variables_of_the_deployments() -> Iterator[str]:
    files = [REPOSITORY / "docker-compose.yml", REPOSITORY / "Makefile", *(REPOSITORY / "docker").rglob("*")]
    for file in files:
        if file.is_file() and file.suffix not in {".whl", ".json"}:
            yield from re.findall(r"\bTIN_[A-Z_]*[A-Z]\b", file.read_text())


def test_the_deployments_set_no_unknown_variable() -> None:
    found = set(variables_of_the_deployments())
    assert {"TIN_MODEL_STORE", "TIN_HOST"} <= found
    check_variables(dict.fromkeys(found, ""), Settings.variables())
    check_variables(os.environ, Settings.variables())
