import pytest

from tests.benchmarks.tables.pages import TABLES, NoTable, pages, with_table


def test_pages_show_the_newest_results():
    different = [path.name for path, text in pages().items() if path.read_text() != text]
    assert not different, "make figures-docs"


def test_every_table_has_figures():
    texts = [each.text() for each in TABLES]
    assert all(len(text.splitlines()) > 3 for text in texts)


def test_a_table_replaces_the_one_that_is_there():
    text = "a\n<!-- table: t -->\nold\nolder\n<!-- end of table: t -->\nb"
    assert with_table(text, "t", "| new |") == "a\n<!-- table: t -->\n| new |\n<!-- end of table: t -->\nb"


@pytest.mark.parametrize("text", ["", "<!-- table: other -->\n\n<!-- end of table: other -->"])
def test_a_page_without_a_place_is_named(text):
    with pytest.raises(NoTable, match="'t'"):
        with_table(text, "t", "")
