"""Wording of docstrings: the first line says what a thing is or does, so it opens with no question word."""

import ast

import pytest

from tests.helpers.paths import REPOSITORY

FOLDERS = ("clips", "training", "export", "service", "tin", "tests")
QUESTION_WORDS = {"What", "Which", "Whether", "How", "Who", "Whose", "Where", "When", "Why"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def questions_in(path):
    """Yield file:line and docstring of every module, class or function whose docstring opens with a question word."""
    for node in ast.walk(ast.parse(path.read_text())):
        text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        if text and text.split(maxsplit=1)[0].rstrip("',:;") in QUESTION_WORDS:
            yield f"{path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_opens_with_a_question_word(folder):
    found = [line for path in sorted((REPOSITORY / folder).rglob("*.py")) for line in questions_in(path)]
    assert not found, "\n".join(found)
