"""SVG elements as text, with every value escaped."""

from __future__ import annotations

from html import escape

MOST_LETTERS = 30
"""Letters of a name in a picture; the pointer shows all of it."""


def element(tag: str, *content: str, **attributes: object) -> str:
    """Write an element; its content is markup, its attributes are escaped.

        element("rect", title("one clip"), x=0, y=0, width=10, height=10, class_="frame", fill_opacity=0.5)

    `class_` is written `class`, and other underlines as hyphens.
    """
    pairs = (f' {_name(name)}="{escape(_value(value))}"' for name, value in attributes.items())
    return f"<{tag}{''.join(pairs)}>{''.join(content)}</{tag}>"


def title(words: str) -> str:
    """Write the words that are shown under the pointer."""
    return element("title", escape(words))


def text(words: str, x: float, y: float, *content: str, **attributes: object) -> str:
    """Write words whose anchor is at a point, and markup such as a title inside them."""
    return element("text", *content, escape(words), x=x, y=y, **attributes)


def clipped(label: str) -> str:
    """Shorten a long name for a picture.

    >>> clipped("Pushing"), clipped("Moving something away from the camera")
    ('Pushing', 'Moving something away from th…')
    """
    return label if len(label) <= MOST_LETTERS else label[: MOST_LETTERS - 1] + "…"


def _name(name: str) -> str:
    return name.removesuffix("_").replace("_", "-") if name != "viewBox" else name


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
