import pytest

from training.data import worker_count as module
from training.data.worker_count import worker_count


@pytest.mark.parametrize(
    ("cores", "processes", "num_batches", "expected"),
    [(1, 1, 100, 0), (2, 1, 100, 1), (32, 1, 100, 8), (16, 4, 100, 3), (2, 4, 100, 0), (32, 1, 1, 0), (32, 1, 3, 3)],
)
def test_auto_takes_the_cores_that_training_leaves(monkeypatch, cores, processes, num_batches, expected):
    monkeypatch.setattr(module, "usable_cores", lambda: cores)
    assert worker_count("auto", num_batches=num_batches, processes=processes) == expected


def test_a_number_is_taken_as_it_is():
    assert worker_count(5, num_batches=1, processes=64) == 5
