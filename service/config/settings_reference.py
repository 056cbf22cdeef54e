"""The settings as a Markdown table, the same on every machine: docs/settings.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from service.config.settings import Settings

HEADING = "| environment variable | default | |\n|---|---|---|"


def as_markdown() -> str:
    """A row for each setting: its variable, its default and what it does."""
    return "\n".join([HEADING, *_rows()]) + "\n"


def _rows() -> Iterator[str]:
    prefix = Settings.model_config["env_prefix"]
    for name, field in Settings.model_fields.items():
        yield f"| `{prefix}{name.upper()}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["default_of_machine"])
    default: Any = field.default
    if field.default_factory is not None or default in {None, ""}:
        return ""
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
