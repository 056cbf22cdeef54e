"""Sample tables: damaged or hostile ones give no index, and cost neither memory nor time."""

import contextlib
import random
import tracemalloc

import pytest

from clips.decoding.container import QUICK_PROBING, VideoFile
from clips.decoding.errors import ClipError
from clips.decoding.limits import DEFAULT_LIMITS
from clips.decoding.survey.mp4 import read_mp4_table
from clips.decoding.survey.packet_table import NoIndex
from tests.helpers.fuzzing.surveys import same_by_index
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import cached_clip

FILES = ("x264-gop-12", "x264-one-b", "mpeg4", "x264-audio-first")
VALUES = (0, 1, 2, 0x40, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MAX_BYTES = 10_000_000


def table_of(data, max_packets):
    """The table of the first track."""
    return read_mp4_table(lambda begin, end: memoryview(data)[begin:end], len(data), 1, max_packets)


def movie_with(data, at, value):
    """The file with another number in its header."""
    return data[:at] + value.to_bytes(4) + data[at + 4 :]


def numbers_in_header(data):
    return range(data.index(b"moov") - 4, len(data) - 4)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_table_costs_no_memory(name):
    data, rng = cached_clip(recipe_named(name)), random.Random(1)
    tracemalloc.start()
    for at in rng.sample(numbers_in_header(data), 300):
        changed = movie_with(data, at, rng.choice(VALUES))
        tracemalloc.reset_peak()
        with contextlib.suppress(NoIndex):
            assert len(table_of(changed, max_packets=1000)) <= 1000
        assert tracemalloc.get_traced_memory()[1] < MAX_BYTES + 2 * len(data)
    tracemalloc.stop()


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_table_tells_what_the_packets_do_or_nothing(name):
    data, rng = cached_clip(recipe_named(name)), random.Random(2)
    for at in rng.sample(numbers_in_header(data), 60):
        try:
            same_by_index(movie_with(data, at, rng.choice(VALUES)), has_true_keys=False)
        except ClipError:
            continue


def test_the_tables_are_those_of_the_track_that_is_asked_for():
    data = cached_clip(recipe_named("x264-audio-first"))
    with VideoFile(data, DEFAULT_LIMITS).open(QUICK_PROBING) as video:
        assert len(read_mp4_table(video.read_at, len(data), video.stream.id, 1000)) == 40
        with pytest.raises(NoIndex):
            read_mp4_table(video.read_at, len(data), 77, 1000)


def test_a_file_with_more_samples_than_the_limit_has_no_index():
    data = cached_clip(recipe_named("x264-gop-12"))
    with pytest.raises(NoIndex):
        table_of(data, max_packets=39)


def test_an_edit_list_without_contents_gives_no_index():
    data = cached_clip(recipe_named("x264-gop-12"))
    at = data.index(b"elst") - 4
    size = int.from_bytes(data[at : at + 4])
    empty = (8).to_bytes(4) + b"elst" + (size - 8).to_bytes(4) + b"free"
    with pytest.raises(NoIndex):
        table_of(data[:at] + empty + data[at + 16 :], max_packets=1000)
