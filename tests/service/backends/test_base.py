"""What backends raise keeps what it says on the way to another process."""

from __future__ import annotations

import pickle

import pytest

from service.backends.base import RuntimeDown, RuntimeFull, TryLater


@pytest.mark.parametrize("kind", [RuntimeDown, RuntimeFull])
def test_when_to_come_again_survives_pickling(kind: type[TryLater]) -> None:
    error = pickle.loads(pickle.dumps(kind("it is full", 3)))
    assert type(error) is kind
    assert (str(error), error.retry_after) == ("it is full", 3)
