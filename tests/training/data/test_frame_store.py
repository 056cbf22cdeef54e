import errno
import multiprocessing
import os

import numpy as np
import pytest

from training.data.frame_store import FrameStore


def frames_of(seed, num_frames=4, height=6, width=5):
    return np.random.default_rng(seed).integers(0, 256, (num_frames, height, width, 3), np.uint8)


@pytest.fixture
def store():
    return FrameStore(5, limit=8 * frames_of(0).nbytes)


def test_frames_come_back_in_any_order(store):
    store.put(1, frames_of(1))
    store.put(3, frames_of(3, 2))
    for number, num_frames in ((1, 4), (3, 2)):
        stored = store.get(number)
        assert len(stored) == num_frames
        indices = [num_frames - 1, 0, num_frames - 1]
        images = stored.read(indices)
        np.testing.assert_array_equal(np.stack(images), frames_of(number, num_frames)[indices])
        assert images[0] is images[2]
    assert store.get(0) is None
    assert not store.is_left_out(0)


def test_a_frame_that_is_not_there_is_an_error(store):
    store.put(0, frames_of(0))
    with pytest.raises(IndexError):
        store.get(0).read([4])


def test_what_is_too_large_is_left_out_and_smaller_items_still_fit():
    unit = frames_of(0).nbytes
    store = FrameStore(10, limit=8 * unit)
    for number in range(7):
        store.put(number, frames_of(number))
    store.put(7, frames_of(7, 5))
    assert store.is_left_out(7)
    store.put(8, frames_of(8))
    store.put(9, frames_of(9))
    assert (store.get(9), store.count_left_out()) == (None, 2)
    stored = store.get(8)
    assert stored is not None
    np.testing.assert_array_equal(np.stack(stored.read(range(4))), frames_of(8))


def test_a_full_disk_leaves_out(store, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    store.put(0, frames_of(0))
    assert store.is_left_out(0)


def test_what_one_process_stores_the_others_have(store):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=store.put, args=(number, frames_of(number))) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for number in range(3):
        np.testing.assert_array_equal(np.stack(store.get(number).read(range(4))), frames_of(number))
