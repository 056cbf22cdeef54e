"""Reference of the settings: a row for each, and docs/settings.md equals it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from service.config.settings import Settings
from service.config.settings_reference import as_markdown
from tests.helpers.paths import REPOSITORY

KEPT = REPOSITORY / "docs" / "settings.md"


def test_the_kept_table_is_what_the_command_prints(run_cli: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run_cli("settings", TIN_PORT="8123", TIN_DECODERS="7")
    assert done.stdout == KEPT.read_text(), "run `python -m service settings > docs/settings.md`"


def test_each_setting_has_a_row_of_three_cells() -> None:
    rows = as_markdown().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    assert all(row.count("|") == 4 for row in rows)


def test_a_default_that_depends_on_the_machine_is_described() -> None:
    rows = as_markdown()
    assert "| `TIN_DECODERS` | 1 per usable core |" in rows
    assert "| `TIN_STORE_POLL_SECONDS` | `5` |" in rows
    assert "| `TIN_API_KEYS` |  |" in rows
