"""SVG elements: names, numbers and escaping."""

from xml.etree import ElementTree

from training.reports.svg import MOST_LETTERS, clipped, element, text, title


def test_attributes_get_their_names_in_svg():
    made = ElementTree.fromstring(element("rect", class_="a", font_size=1.0, viewBox="0 0 1 1", x=1.239))
    assert made.attrib == {"class": "a", "font-size": "1", "viewBox": "0 0 1 1", "x": "1.24"}


def test_words_and_attributes_are_escaped():
    made = ElementTree.fromstring(text('<b> & "c"', 1, 2, title("<i>"), class_='"><script>'))
    assert "".join(made.itertext()) == '<i><b> & "c"'
    assert (made.get("class"), made.findtext("title"), len(made)) == ('"><script>', "<i>", 1)


def test_only_long_names_are_clipped():
    assert clipped("x" * MOST_LETTERS) == "x" * MOST_LETTERS
    assert len(clipped("x" * 99)) == MOST_LETTERS
