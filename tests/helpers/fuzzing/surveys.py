"""Both surveys of a video, by its container's index and by demuxing it, and a check that they are the same."""

import numpy as np

from clips.decoding.container import QUICK_PROBING, OpenVideo, VideoFile
from clips.decoding.limits import DEFAULT_LIMITS
from clips.decoding.survey.demuxed import survey_demuxed
from clips.decoding.survey.indexed import survey_indexed, table_of
from clips.decoding.survey.packet_table import NoIndex
from clips.decoding.survey.survey import Survey


def same_by_index(data: bytes, *, has_true_keys: bool = True) -> bool:
    """Raise AssertionError where the index gives another survey than the packets; return False without an index.

    Unless `has_true_keys`, packets may differ in being keyframes: FFmpeg knows better than a damaged index, and frames
    do not depend on it.
    """
    file = VideoFile(data, DEFAULT_LIMITS)
    with file.open(QUICK_PROBING) as video, file.open(QUICK_PROBING) as demuxed:
        try:
            survey = survey_by_index(video)
        except NoIndex:
            return False
        expected = survey_demuxed(file, demuxed, demuxed.packets())
        _check_same(survey, expected)
        _check_packets(survey, expected, has_true_keys=has_true_keys)
    return True


def survey_by_index(video: OpenVideo) -> Survey:
    """Survey an open video by its index. Raises NoIndex."""
    table, packets = table_of(video), video.packets()
    return survey_indexed(video, table, next(packets), packets)


def _check_same(survey: Survey, expected: Survey) -> None:
    assert survey.reason == expected.reason
    assert survey.has_wrong_times == expected.has_wrong_times
    assert list(survey.timestamps) == list(expected.timestamps)
    np.testing.assert_array_equal(survey.times, expected.times)
    np.testing.assert_array_equal(survey.shown, expected.shown)
    for name, array in survey.pictures._asdict().items():
        np.testing.assert_array_equal(array, getattr(expected.pictures, name), name)


def _check_packets(survey: Survey, expected: Survey, *, has_true_keys: bool) -> None:
    numbers = range(len(expected.times))
    for packet, other in zip(survey.read(numbers), expected.read(numbers), strict=True):
        assert bytes(packet) == bytes(other)
        assert (packet.pts, packet.dts) == (other.pts, other.dts)
        assert packet.is_keyframe == other.is_keyframe or not has_true_keys
