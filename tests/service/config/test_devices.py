"""Devices: parsed from a setting; anything unclear is refused."""

import pytest
from pydantic import ValidationError

from service.config.devices import Devices
from service.config.settings import CORES, Settings


@pytest.mark.parametrize(
    ("text", "gpus", "may_use_cpu", "name", "count"),
    [
        ("auto", (0,), True, "cuda:0", 1),
        ("cpu", (), True, "cpu", 1),
        ("cuda", (0,), False, "cuda:0", 1),
        ("cuda:1", (1,), False, "cuda:1", 1),
        ("cuda:2, cuda:0", (2, 0), False, "cuda:2,cuda:0", 2),
    ],
)
def test_devices_have_names(text, gpus, may_use_cpu, name, count):
    devices = Devices.parse(text)
    assert devices == Devices(gpus, may_use_cpu)
    assert (str(devices), devices.count) == (name, count)


@pytest.mark.parametrize(
    "text", ["", "gpu", "cuda:", "cuda:-1", "cuda:0,", "cpu,cuda:0", "cuda:0,cuda", "CUDA:0", "MIG-1"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="cuda:"):
        Devices.parse(text)


def test_the_setting_names_what_is_wrong_with_it(monkeypatch):
    monkeypatch.setenv("TIN_DEVICE", "cuda:0,cuda:1")
    assert Settings().devices() == Devices((0, 1), may_use_cpu=False)
    monkeypatch.setenv("TIN_DEVICE", "gpu1")
    with pytest.raises(ValidationError, match=r"device\n.*'gpu1'"):
        Settings()


@pytest.mark.parametrize(("device", "least"), [("auto", 4), ("cpu", 4), ("cuda:0", 32), ("cuda:0,cuda:1,cuda:2", 96)])
def test_batches_have_room_to_form_on_each_gpu_that_is_named(device, least):
    assert Settings(device=device).max_queue == max(least, 2 * CORES)
    assert Settings(device=device, max_queue=7).max_queue == 7
