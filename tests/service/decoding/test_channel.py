"""Channel between the server and a worker: buffers through memory that both share, the rest through the pipe."""

import errno
import os
import pickle
import struct
from contextlib import closing

import numpy as np
import pytest

from service.decoding.channel import MEMORY_BYTES, SHORT_BYTES, channel


@pytest.fixture
def ends():
    ours, theirs = channel()
    with closing(ours), closing(theirs):
        yield ours, theirs


@pytest.mark.parametrize("num_bytes", [0, 1, 300_000, MEMORY_BYTES - 8])
def test_buffers_that_fit_go_through_the_memory_and_the_rest_at_once(ends, num_bytes):
    ours, theirs = ends
    video = os.urandom(num_bytes)
    ours.share(("name", pickle.PickleBuffer(video)))
    assert ours.fits(num_bytes)
    assert theirs.has_short_message()
    assert theirs.recv() == ("name", video)
    assert not theirs.has_short_message()


def test_what_was_received_stays_when_the_next_message_comes(ends):
    ours, theirs = ends
    pixels = [np.full((2, 3, 4), value, np.uint8) for value in range(3)]
    for each in pixels:
        ours.share((each, each + 10))
        received = theirs.recv()
        theirs.share(np.zeros(1000, np.uint8))
        ours.recv()
        np.testing.assert_array_equal(received, (each, each + 10))


def test_buffers_that_do_not_fit_go_through_the_pipe(ends):
    ours, theirs = ends
    assert not ours.fits(MEMORY_BYTES - 7)
    ours.share(np.arange(SHORT_BYTES // 2, dtype=np.uint8))
    theirs.recv()
    pixels = np.zeros((MEMORY_BYTES, 1), np.uint8)[::2]
    reader = os.fork()
    if not reader:
        received = theirs.recv()
        os._exit(0 if received.shape == pixels.shape else 1)
    ours.share(pixels)
    assert os.waitpid(reader, 0)[1] == 0


def test_a_message_of_which_a_part_is_there_is_waited_for(ends):
    ours, theirs = ends
    assert not theirs.has_short_message()
    for part in (struct.pack("!i", 5), b"hell"):
        os.write(ours.fileno(), part)
        assert not theirs.has_short_message()
    os.write(ours.fileno(), b"o")
    assert theirs.has_short_message()
    assert theirs.recv_bytes() == b"hello"


def test_an_end_is_no_message(ends):
    ours, theirs = ends
    ours.close()
    assert not theirs.has_short_message()
    with pytest.raises(EOFError):
        theirs.recv()


@pytest.mark.parametrize("length", [MEMORY_BYTES, 1 << 63, (1 << 64) - 1])
def test_a_length_that_was_tampered_with_reads_nothing_else(ends, length):
    ours, theirs = ends
    ours.share(np.zeros((2, 3), np.uint8))
    ours._memory[:8] = struct.pack("!Q", length)
    with pytest.raises((ValueError, OverflowError, struct.error)):
        theirs.recv()


def test_without_memory_everything_goes_through_the_pipe(monkeypatch):
    def refuse(descriptor, size):
        raise OSError(errno.EFBIG, "no file grows")

    monkeypatch.setattr(os, "ftruncate", refuse)
    ours, theirs = channel()
    with closing(ours), closing(theirs):
        assert not ours.fits(1)
        ours.share(("name", pickle.PickleBuffer(b"video")))
        assert theirs.recv() == ("name", b"video")
        theirs.share(np.arange(6, dtype=np.uint8))
        np.testing.assert_array_equal(ours.recv(), np.arange(6))


def test_the_other_side_s_end_is_no_message_even_where_it_left_something_unread(ends):
    ours, theirs = ends
    ours.share("unread")
    theirs.close()
    assert not ours.has_short_message()


def test_an_end_that_is_let_go_is_closed(recwarn):
    ours, theirs = channel()
    assert ours._file is not None
    descriptor = ours._file.fileno()
    del ours
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(descriptor)
    theirs.close()
    assert not recwarn.list


@pytest.mark.parametrize("num_bytes", [0, MEMORY_BYTES // 2, 2 * MEMORY_BYTES])
def test_no_side_can_take_the_memory_from_the_other(ends, num_bytes):
    with pytest.raises(PermissionError):
        ends[1]._file.truncate(num_bytes)


def test_closing_leaves_no_descriptor_open():
    open_files = os.listdir("/proc/self/fd")
    for each in channel():
        each.close()
        each.close()
    assert os.listdir("/proc/self/fd") == open_files
