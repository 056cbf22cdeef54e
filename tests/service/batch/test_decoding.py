"""File decoding: files become the model's input, and a lost worker process is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clips.clip_spec import ClipSpec
from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from service.batch import decoding
from service.batch.decoding import Decoded, FileDecoder
from service.batch.results.result import Failed
from tests.helpers.fakes.noted_decoders import note_decoders

SPEC = ClipSpec(crop=32, short_side=32)


@pytest.fixture
def decoder() -> Iterator[FileDecoder]:
    decoder = FileDecoder(SPEC, DecodeLimits(), 1 << 30, shifted=True)
    yield decoder
    decoder.close()


@pytest.fixture
def folder(tmp_path: Path, videos: dict[str, bytes], not_videos: dict[str, bytes]) -> Path:
    (tmp_path / "good.mp4").write_bytes(videos["mp4"])
    (tmp_path / "text.mp4").write_bytes(not_videos["text"])
    return tmp_path


def test_it_is_what_this_process_would_make_of_it(decoder, folder):
    decoded = decoder.decode("good.mp4", folder)
    expected = preprocess(folder / "good.mp4", SPEC, DecodeLimits(), shifted=True)
    assert isinstance(decoded, Decoded)
    assert (decoded.file, decoded.size_bytes) == ("good.mp4", (folder / "good.mp4").stat().st_size)
    np.testing.assert_array_equal(decoded.clip.views, expected.views)
    assert decoded.clip.shifted is not None
    assert decoded.clip.indices == expected.indices


def test_a_name_that_is_absolute_needs_no_folder(decoder, folder):
    assert isinstance(decoder.decode(str(folder / "good.mp4"), Path("/nowhere")), Decoded)


@pytest.mark.parametrize(
    ("file", "reason", "lasts"),
    [
        ("text.mp4", "not a video", True),
        ("nowhere.mp4", "No such file or directory", False),
        (".", "folder", False),
    ],
)
def test_what_is_wrong_with_a_file_is_told(decoder, folder, file, reason, lasts):
    failed = decoder.decode(file, folder)
    assert isinstance(failed, Failed)
    assert (failed.file, failed.lasts) == (file, lasts)
    assert reason in failed.reason


def test_a_child_that_is_lost_is_replaced(decoder, folder, monkeypatch):
    children = note_decoders(monkeypatch, decoding)
    decoder.decode("good.mp4", folder)
    children[0].kill()
    assert isinstance(decoder.decode("good.mp4", folder), Decoded)
    assert len(children) == 2
    decoder.close()
    assert not any(child.is_alive for child in children)
