"""Logging configuration: text and JSON."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest

from service.telemetry.logging_config import log_config


@pytest.fixture(autouse=True)
def _loggers_stay_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # dictConfig closes all handlers of the process: one of absl closes pytest's stream
    monkeypatch.setattr(logging, "_handlerList", [])
    monkeypatch.setattr(logging, "_handlers", {})
    names = ("service", "uvicorn", "opentelemetry")
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in names}
    yield
    for name, (handlers, propagate) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagate


def test_json_is_an_object_a_line_with_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(log_config("json"))
    logging.getLogger("service.access").info("GET %s", "/\n", extra={"status": 200, "request_id": "abc"})
    try:
        raise ValueError("reason")
    except ValueError:
        logging.getLogger("service").exception("failed")
    logging.getLogger("uvicorn.error").info("up", extra={"color_message": "\x1b[1mup"})
    access, failure, server = map(json.loads, capsys.readouterr().err.splitlines())
    assert (access["level"], access["logger"], access["message"]) == (
        "INFO",
        "service.access",
        "GET /\n",
    )
    assert (access["status"], access["request_id"]) == (200, "abc")
    assert access["timestamp"].endswith("+00:00")
    assert failure["exception"].endswith("ValueError: reason")
    assert set(server) == {"level", "logger", "message", "timestamp"}


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(log_config("text"))
    logging.getLogger("service.access").info("GET /", extra={"status": 200})
    assert capsys.readouterr().err == "INFO:     GET /\n"
