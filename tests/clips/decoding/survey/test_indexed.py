"""Survey by a container's index: the same as by demuxing, for every kind of file, or none."""

import itertools

import pytest

from tests.helpers.fuzzing.clock_faults import faulty_streams
from tests.helpers.fuzzing.surveys import same_by_index
from tests.helpers.videos.clip_recipes import CLIPS
from tests.helpers.videos.make_clip import cached_clip

CONTAINERS = {"mp4", "mov", "avi"}
IN_CONTAINERS = [recipe for recipe in CLIPS if recipe.container in CONTAINERS]
WITHOUT_INDEX = {
    "x264-edit-list",
    "x264-fragmented",
    "x264-avi",
    "x264-avi-no-b",
    "vp9-mp4",
    "mpeg4-avi-packed",
    "huffyuv",
    "png-alpha",
}
"""Files that hide samples or lack a full index, and codecs of which FFmpeg's packets may be others than the file's."""
SEEDS, CASES = 4, 80


@pytest.mark.parametrize("recipe", IN_CONTAINERS, ids=lambda recipe: recipe.name)
def test_the_index_tells_what_the_packets_do(recipe):
    assert same_by_index(cached_clip(recipe)) == (recipe.name not in WITHOUT_INDEX)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_index_tells_what_the_packets_do_whatever_the_clock_says(seed):
    streams = itertools.islice(faulty_streams(100 + seed), CASES)
    assert sum(same_by_index(stream.data) for stream in streams) > CASES / 5
