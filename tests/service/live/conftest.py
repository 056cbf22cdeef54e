"""Fixtures: films of colours that the tests' model names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.live.films import colour_film


@pytest.fixture(scope="package")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red, green and blue, some five seconds, at 25 frames per second. Windows of 0.4 s have one colour each."""
    scenes = [("red", 1.6), ("green", 2.0), ("blue", 1.6)]
    return colour_film(tmp_path_factory.mktemp("films") / "film.mp4", scenes)
