"""Reference of the settings: a Markdown table, equal on every machine, kept as docs/settings.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from service.config.settings import Settings

HEADING = "| environment variable | default | meaning |\n|---|---|---|"


def as_markdown() -> str:
    """Return a table with a row for each setting: its variable, its default and its description."""
    return "\n".join([HEADING, *_rows()]) + "\n"


def _rows() -> Iterator[str]:
    for variable, name in Settings.variables().items():
        field = Settings.model_fields[name]
        yield f"| `{variable}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["default_of_machine"])
    default: Any = field.default
    if field.default_factory is not None or default in {None, ""}:
        return ""
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
