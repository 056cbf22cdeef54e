"""Index of AVI files: taken only where it lists every chunk."""

import pytest

from clips.decoding.survey.avi import read_avi_table
from clips.decoding.survey.packet_table import NoIndex
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import cached_clip

PLAIN = "mpeg4-avi"


def table_of(data, max_packets=1000):
    return read_avi_table(lambda begin, end: memoryview(data)[begin:end], len(data), 0, max_packets)


def replaced(data, at, new):
    return data[:at] + new + data[at + len(new) :]


def test_the_table_has_the_chunks_without_their_headers():
    data = cached_clip(recipe_named(PLAIN))
    table = table_of(data)
    assert len(table) == 40
    for position, size in zip(table.positions.tolist(), table.sizes.tolist(), strict=True):
        assert data[position - 8 : position] == b"00dc" + size.to_bytes(4, "little")
    assert table.is_key[0]
    assert not table.is_key.all()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: replaced(data, data.index(b"idx1"), b"JUNK"), id="no index"),
        pytest.param(lambda data: replaced(data, data.index(b"idx1") + 8 + 16 + 8, b"\7"), id="a wrong position"),
        pytest.param(lambda data: replaced(data, data.index(b"movi") + 4, b"01wb"), id="another stream"),
        pytest.param(lambda data: data[:-40], id="cut short"),
        pytest.param(lambda data: data + data, id="two parts"),
        pytest.param(lambda data: b"RIFF", id="nothing"),
    ],
)
def test_an_index_that_does_not_list_every_chunk_is_not_taken(change):
    with pytest.raises(NoIndex):
        table_of(change(cached_clip(recipe_named(PLAIN))))


def test_a_file_with_more_packets_than_the_limit_has_no_index():
    with pytest.raises(NoIndex):
        table_of(cached_clip(recipe_named(PLAIN)), max_packets=39)
