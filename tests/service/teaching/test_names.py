"""Names of actions and models."""

from __future__ import annotations

import pytest

from service.teaching.errors import BadName
from service.teaching.names import MAX_CHARACTERS, action_name, model_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("wave", "wave"),
        ("  wave \t hello ", "wave hello"),
        ("Zu\u0308rich", "Z\u00fcrich"),
        ("\u624b\u3092\u632f\u308b", "\u624b\u3092\u632f\u308b"),
        ("-x; rm *", "-x; rm *"),
        ("training", "training"),
    ],
)
def test_an_action_is_named_in_any_language(text: str, name: str) -> None:
    assert action_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        ".",
        "..",
        ".hidden",
        "../../etc",
        "a/b",
        "a\\b",
        "a\0b",
        "\u202eevaw",
        "Train",
        "val",
        "test",
        "x" * 61,
    ],
)
def test_a_name_that_could_be_anything_but_a_folder_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        action_name(text)


def test_the_longest_name_fits_a_file_system() -> None:
    assert len(action_name("\U0001f44b" * MAX_CHARACTERS).encode()) <= 255


@pytest.mark.parametrize("text", ["my-actions", " v2.1_x ", "A"])
def test_a_model_is_named_as_the_store_takes_it(text: str) -> None:
    assert model_name(text) == text.strip()


@pytest.mark.parametrize("text", ["", "-x", "..", "a/b", "a b", "h\u00e9", "--store=/", "x" * 61, "a\n"[:2] + "b"])
def test_a_model_that_the_store_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        model_name(text)
