"""Logging configuration: text for people, or one JSON object per line for programs."""

from __future__ import annotations

from typing import Any, Literal

from pythonjsonlogger.core import RESERVED_ATTRS

LogFormat = Literal["text", "json"]

_TEXT = {"()": "uvicorn.logging.DefaultFormatter", "fmt": "%(levelprefix)s %(message)s"}

_JSON = {
    "()": "pythonjsonlogger.json.JsonFormatter",
    "fmt": ["levelname", "name", "message"],
    "rename_fields": {"levelname": "level", "name": "logger", "exc_info": "exception"},
    "timestamp": True,
    "reserved_attrs": [*RESERVED_ATTRS, "color_message"],
}
"""Uvicorn's `color_message` repeats a message for terminals."""


def log_config(log_format: LogFormat) -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig`: service, web server and trace exporter log to stderr."""
    logger = {"handlers": ["stderr"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"text": _TEXT, "json": _JSON},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": log_format}},
        "loggers": {"service": logger, "uvicorn": logger, "opentelemetry": logger},
    }
