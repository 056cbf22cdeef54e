import re

import pytest

from tests.benchmarks.tables.feeding import KINDS, cores
from tests.benchmarks.tables.pages import TABLES, NoTable, pages, with_table
from tests.helpers.paths import REPOSITORY

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (REPOSITORY / "docs").glob("*.md"))]
MEASURED = re.compile(r"\d (ms|videos/s|clips/s|answers/s)\b|\d/s\b")
"""A time or a rate."""


def test_pages_show_the_newest_results():
    different = [path.name for path, text in pages().items() if path.read_text() != text]
    assert not different, "make figures-docs"


def test_every_table_has_figures():
    texts = [each.text() for each in TABLES]
    assert all(len(text.splitlines()) > 3 for text in texts)


@pytest.mark.parametrize("page", PAGES)
def test_a_table_that_is_typed_by_hand_has_no_measured_times(page):
    of_results = re.compile(r"<!-- table: (.+?) -->.*?<!-- end of table: \1 -->", re.DOTALL)
    text = of_results.sub("", (REPOSITORY / page).read_text())
    assert [line for line in text.splitlines() if line.startswith("|") and MEASURED.search(line)] == []


def test_a_table_replaces_the_one_that_is_there():
    text = "a\n<!-- table: t -->\nold\nolder\n<!-- end of table: t -->\nb"
    assert with_table(text, "t", "| new |") == "a\n<!-- table: t -->\n| new |\n<!-- end of table: t -->\nb"


@pytest.mark.parametrize("text", ["", "<!-- table: other -->\n\n<!-- end of table: other -->"])
def test_a_page_without_a_place_is_named(text):
    with pytest.raises(NoTable, match="'t'"):
        with_table(text, "t", "")


def test_cores_are_the_rate_times_the_cpu_time_over_the_utilisation():
    decoding = {"videos": [{"name": name, "median_ms": {"ours": 18.0}} for name in KINDS]}
    rows = cores(decoding, {"stages": {"http": 1.0, "decoder": 2.0}}).splitlines()[2:]
    assert len(rows) == len(KINDS)
    assert {row.split(" | ", 1)[1] for row in rows} == {"18 ms | 15 cores | 30 cores | 90 cores |"}
