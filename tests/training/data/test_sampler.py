import pytest

from training.data.sampler import epoch_order, evaluation_order


def batches(keys, size):
    return [keys[start : start + size] for start in range(0, len(keys), size)]


def test_an_epoch_holds_every_item_once_in_an_order_of_its_own():
    first, second = (epoch_order(50, epoch=epoch, seed=7) for epoch in (0, 1))
    assert sorted(first) == [(0, index) for index in range(50)]
    assert sorted(second) == [(1, index) for index in range(50)]
    assert [index for _, index in first] != [index for _, index in second]
    assert first == epoch_order(50, epoch=0, seed=7)
    assert first != epoch_order(50, epoch=0, seed=8)


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_batches_of_all_processes_make_the_batch_of_one(world_size):
    num_items = 12 * world_size
    whole = batches(epoch_order(num_items, epoch=3, seed=0), 4 * world_size)
    shares = [
        batches(epoch_order(num_items, epoch=3, seed=0, rank=rank, world_size=world_size), 4)
        for rank in range(world_size)
    ]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(batch) == sorted(key for part in parts for key in part)


@pytest.mark.parametrize(("num_items", "world_size", "share"), [(7, 2, 4), (9, 4, 3), (2, 5, 1), (1, 4, 1)])
def test_shares_are_equally_long_and_leave_nothing_out(num_items, world_size, share):
    shares = [epoch_order(num_items, epoch=0, seed=0, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert {len(keys) for keys in shares} == {share}
    together = [key for keys in zip(*shares, strict=True) for key in keys]
    order = epoch_order(num_items, epoch=0, seed=0)
    assert together == (order * world_size)[: share * world_size]


@pytest.mark.parametrize("world_size", [1, 2, 3, 8])
@pytest.mark.parametrize("num_items", [1, 4, 23, 24])
def test_evaluation_takes_the_same_batches_in_any_number_of_processes(num_items, world_size):
    whole = evaluation_order(num_items, batch_size=4)
    assert [index for batch in whole for index in batch] == list(range(num_items))
    shares = [evaluation_order(num_items, batch_size=4, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert sorted(batch for share in shares for batch in share) == whole
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
