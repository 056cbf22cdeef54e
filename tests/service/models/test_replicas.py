"""Replicas: one on each GPU, all or none, and one that is lost is told."""

import numpy as np
import pytest

from service.backends.base import (
    BackendUnavailable,
    CheckedBackend,
    DeviceLost,
    ReplicatedBackend,
    devices_of,
    replicas_of,
)
from service.models.refcounted_backend import refcounted
from service.models.replicas import Replicas, open_on_each
from tests.helpers.fakes.fake_backend import FakeBackend, FakeGpuBackend

CLIPS = np.full((1, 8, 4, 4, 3), 7, np.uint8)


def test_there_is_one_on_each_gpu():
    backend = open_on_each([0, 2], FakeGpuBackend)
    assert isinstance(backend, Replicas)
    assert devices_of(backend) == ("cuda:0", "cuda:2")
    assert backend.infer(CLIPS).logits.shape == (1, 2)
    backend.close()
    assert [vars(replica)["closed"] for replica in backend.replicas] == [True, True]


def test_a_single_one_stays_what_it_is():
    backend = open_on_each([1], FakeGpuBackend)
    assert isinstance(backend, FakeGpuBackend)
    assert (devices_of(backend), replicas_of(backend)) == (("cuda:1",), (backend,))
    assert devices_of(FakeBackend(num_classes=2)) == ("cpu",)


def test_if_one_does_not_open_none_stays_open():
    opened = []

    def open_on(gpu):
        if gpu == 2:
            raise BackendUnavailable("cuda:2 has no memory")
        opened.append(FakeGpuBackend(gpu))
        return opened[-1]

    with pytest.raises(BackendUnavailable, match="cuda:2"):
        open_on_each([0, 1, 2], open_on)
    assert [each.closed for each in opened] == [True, True]


def test_counting_references_keeps_the_replicas():
    replicas = [FakeGpuBackend(0), FakeGpuBackend(1)]
    shared = refcounted(Replicas(replicas))
    assert isinstance(shared, ReplicatedBackend)
    assert isinstance(shared, CheckedBackend)
    assert replicas_of(shared) == tuple(replicas)
    assert devices_of(shared) == ("cuda:0", "cuda:1")
    shared.check_up()
    replicas[1].is_lost = True
    with pytest.raises(DeviceLost, match="cuda:1"):
        shared.check_up()
    del shared
    assert [replica.closed for replica in replicas] == [True, True]
