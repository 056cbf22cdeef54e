import random
from pathlib import Path

import pytest

from training.lists.clip_set import LabelledClip, clips_per_class
from training.lists.splits import (
    Split,
    SplitError,
    leave_one_group_out,
    make_folds,
    missed_shares,
    split_clips,
)


def clips_of(*classes):
    """Clips of (label, count) or (label, count, group) or (label, count, group, split)."""
    made: list[LabelledClip] = []
    for label, count, *rest in classes:
        group, split = (*rest, None, None)[:2]
        start = len(made)
        made += [LabelledClip(Path(f"{start + i}.mp4"), label, split, group) for i in range(count)]
    return made


def groups_of(clips):
    return {clip.group for clip in clips}


def test_each_class_has_its_share():
    clips = clips_of(("a", 50), ("b", 10), ("c", 2), ("d", 3))
    split = split_clips(clips, val_share=0.2)
    assert clips_per_class(split.val) == {"a": 10, "b": 2, "c": 1, "d": 1}
    assert sorted((*split.train, *split.val), key=clips.index) == clips
    assert list(split.val) == [clip for clip in clips if clip in split.val]
    assert (split.test, missed_shares(split, 0.2)) == ((), {})


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_greatest_and_least_share_leave_a_clip_on_either_side(share):
    split = split_clips(clips_of(("a", 5), ("b", 2)), val_share=share)
    assert clips_per_class(split.val if share == 0 else split.train) == {"a": 1, "b": 1}


def test_the_seed_alone_decides():
    clips = clips_of(("a", 30), ("b", 30))
    assert split_clips(clips, seed=1) == split_clips(clips, seed=1)
    assert split_clips(clips, seed=1) != split_clips(clips, seed=2)


def test_a_given_validation_is_kept():
    clips = clips_of(("a", 3, None, "train"), ("b", 1, None, "train"), ("a", 4, None, "val"), ("b", 1, None, "test"))
    assert split_clips(clips) == Split(tuple(clips[:4]), tuple(clips[4:8]), tuple(clips[8:]))
    assert missed_shares(split_clips(clips), 0.2) == {}


def test_validation_is_chosen_where_only_the_test_set_is_given():
    clips = clips_of(("a", 5, None, "train"), ("b", 5, None, "train"), ("a", 7, None, "test"))
    split = split_clips(clips)
    assert (clips_per_class(split.val), clips_per_class(split.test)) == ({"a": 1, "b": 1}, {"a": 7})
    assert len(split.train) == 8


def test_groups_stay_together_and_shares_are_met():
    clips = clips_of(*((label, 2, person) for person in "abcdefghij" for label in ("wave", "clap")))
    split = split_clips(clips, val_share=0.2)
    assert clips_per_class(split.val) == {"wave": 4, "clap": 4}
    assert not groups_of(split.train) & groups_of(split.val)
    assert missed_shares(split, 0.2) == {}


def test_groups_of_unlike_size_give_the_nearest_share():
    clips = clips_of(*(("a", size, f"g{size}") for size in (8, 7, 3, 2)), ("b", 10))
    split = split_clips(clips, val_share=0.2)
    assert clips_per_class(split.val) == {"a": 3, "b": 2}
    assert missed_shares(split, 0.2) == {"a": (3, 4)}


@pytest.mark.parametrize("seed", range(20))
def test_any_groups_keep_every_class_on_both_sides(seed):
    chance = random.Random(seed)
    clips = clips_of(*((chance.choice("abc"), chance.randint(1, 4), f"p{chance.randrange(12)}") for _ in range(60)))
    split = split_clips(clips, seed=seed)
    labels = {clip.label for clip in clips}
    assert {clip.label for clip in split.train} == {clip.label for clip in split.val} == labels
    assert not groups_of(split.train) & groups_of(split.val)
    assert len(split.train) + len(split.val) == len(clips)


@pytest.mark.parametrize(
    ("clips", "named"),
    [
        (clips_of(("a", 1), ("b", 5)), "'a'"),
        (clips_of(("a", 5, "x"), ("b", 2, "y"), ("b", 2, "x")), "'x'"),
        # every class is in two groups, but no choice of groups leaves each of them on both sides
        (clips_of(*((label, 1, pair) for pair in ("ab", "ac", "bc") for label in pair)), "class"),
        (clips_of(("a", 5, None, "train"), ("b", 5, None, "train"), ("c", 1, None, "val")), "'c'"),
        (clips_of(("a", 5, None, "train"), ("b", 5, None, "train"), ("c", 1, None, "test")), "'c'"),
        (clips_of(("a", 2, "x", "train"), ("b", 2, "y", "train"), ("b", 1, "x", "val")), "'x'"),
    ],
)
def test_clips_that_cannot_be_split(clips, named):
    with pytest.raises(SplitError) as caught:
        split_clips(clips)
    assert named in str(caught.value)


def test_folds_validate_each_clip_once_and_spread_the_classes():
    clips = clips_of(("a", 25), ("b", 10), ("c", 5), ("c", 3, None, "test"))
    folds = make_folds(clips, 5)
    assert [clips_per_class(fold.val) for fold in folds] == [{"a": 5, "b": 2, "c": 1}] * 5
    assert sorted((clip for fold in folds for clip in fold.val), key=clips.index) == clips[:-3]
    assert all(set(fold.train) | set(fold.val) == set(clips[:-3]) for fold in folds)
    assert {fold.test for fold in folds} == {tuple(clips[-3:])}
    assert folds == make_folds(clips, 5)
    assert folds != make_folds(clips, 5, seed=1)


def test_folds_keep_groups_together():
    clips = clips_of(*((label, 2, f"p{person}") for person in range(9) for label in ("wave", "clap")))
    folds = make_folds(clips, 3)
    assert [len(groups_of(fold.val)) for fold in folds] == [3, 3, 3]
    assert all(not groups_of(fold.train) & groups_of(fold.val) for fold in folds)


def test_a_fold_for_each_group():
    clips = clips_of(("a", 2, "bob"), ("b", 1, "bob"), ("a", 1, "anna"), ("b", 2, "anna"), ("b", 1, "cy", "test"))
    folds = leave_one_group_out(clips)
    assert [groups_of(fold.val) for fold in folds] == [{"anna"}, {"bob"}]
    assert [len(fold.train) for fold in folds] == [3, 3]
    assert all(fold.test == tuple(clips[-1:]) for fold in folds)


@pytest.mark.parametrize(
    ("clips", "named"),
    [
        (clips_of(("a", 3), ("b", 3, "x")), "0.mp4"),
        (clips_of(("a", 3, "x"), ("b", 3, "x")), "group"),
        (clips_of(("a", 3, "x"), ("a", 3, "y"), ("b", 3, "x")), "'b'"),
    ],
)
def test_groups_that_cannot_be_left_out(clips, named):
    with pytest.raises(SplitError) as caught:
        leave_one_group_out(clips)
    assert named in str(caught.value)


@pytest.mark.parametrize("count", [1, 5])
def test_a_number_of_folds_that_cannot_be_made(count):
    with pytest.raises(SplitError):
        make_folds(clips_of(("a", 2), ("b", 2)), count)
