"""Splits of labelled clips into training and validation: one, or one for each fold of a cross validation.

Clips of one group stay together: two takes of one person are alike, and a model that trained on one of them is not
measured by the other. Everything is a pure function of the clips, in their order, and of the seed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from training.errors import BadInput
from training.lists.clip_set import LabelledClip, clips_per_class

Unit = tuple[LabelledClip, ...]
"""Clips that stay together: those of a group, or a single clip."""


class SplitError(BadInput):
    """The clips cannot be split as wanted; the message names the class or group, and says what to do."""


@dataclass(frozen=True)
class Split:
    """The clips of training and validation, and those of a test set that the data set comes with, in their order."""

    train: tuple[LabelledClip, ...]
    val: tuple[LabelledClip, ...]
    test: tuple[LabelledClip, ...] = ()


def split_clips(clips: Sequence[LabelledClip], *, val_share: float = 0.2, seed: int = 0) -> Split:
    """Split clips into training and validation, each class by the same share.

        split = split_clips(clip_set.clips, val_share=0.2)

    Clips with the split `val` or `test` keep it; where none has `val`, it is chosen among the others. Each class then
    has a clip on both sides, and groups are chosen greedily, so that the shares are met as nearly as they allow.

    Args:
        clips: The clips.
        val_share: Share of validation, above 0 and below 1.
        seed: Seed of the choice.

    Raises:
        SplitError: A class has too few clips or groups, or a group is in two splits.
    """
    pool, test = _without_test(clips)
    val = frozenset(clip for clip in pool if clip.split == "val")
    if not val:
        val = frozenset(_choose(pool, _targets(pool, val_share), seed))
    return _split(pool, val, test)


def make_folds(clips: Sequence[LabelledClip], count: int, *, seed: int = 0) -> tuple[Split, ...]:
    """Split clips `count` times, so that each is validated once and the classes are spread over the folds evenly.

    Clips with the split `test` are in no fold; `train` and `val` are pooled. Raises SplitError.
    """
    pool, test = _without_test(clips)
    units = _shuffled_units(pool, seed)
    if not 2 <= count <= len(units):
        raise SplitError(f"{count} folds cannot be made of {len(units)} clips or groups; give a number from 2 to that")
    _units_by_class(units)
    folds: list[list[LabelledClip]] = [[] for _ in range(count)]
    counts = [Counter[str]() for _ in range(count)]
    for unit in sorted(units, key=len, reverse=True):
        added = clips_per_class(unit)
        fold = min(range(count), key=lambda each: (_overlap(counts[each], added), counts[each].total()))
        folds[fold].extend(unit)
        counts[fold].update(added)
    return tuple(_split(pool, frozenset(fold), test) for fold in folds)


def leave_one_group_out(clips: Sequence[LabelledClip]) -> tuple[Split, ...]:
    """Make a split for each group, in the order of their names, whose clips are its validation.

    Clips with the split `test` are in no fold. Raises SplitError, also for a clip without a group.
    """
    pool, test = _without_test(clips)
    groups: dict[str, list[LabelledClip]] = defaultdict(list)
    for clip in pool:
        if clip.group is None:
            raise SplitError(f"{clip.path} has no group; folds by group need the group of each clip")
        groups[clip.group].append(clip)
    if len(groups) < 2:
        raise SplitError("folds by group need two groups or more; give each clip its own group")
    return tuple(_split(pool, frozenset(groups[name]), test) for name in sorted(groups))


def missed_shares(split: Split, val_share: float) -> dict[str, tuple[int, int]]:
    """Map the classes whose share of validation the groups did not allow to their clips in it, and the wanted number.

    Empty where the data set came with its validation.
    """
    if any(clip.split == "val" for clip in split.val):
        return {}
    chosen, targets = clips_per_class(split.val), _targets((*split.train, *split.val), val_share)
    return {label: (chosen[label], wanted) for label, wanted in targets.items() if chosen[label] != wanted}


def _targets(clips: Iterable[LabelledClip], val_share: float) -> dict[str, int]:
    """Map each class to its wanted clips in validation: at least one, and not all of them."""
    counts = clips_per_class(clips)
    return {label: max(1, min(int(val_share * count + 0.5), count - 1)) for label, count in sorted(counts.items())}


def _choose(pool: Sequence[LabelledClip], targets: Mapping[str, int], seed: int) -> set[LabelledClip]:
    """Choose the units of validation: one for each class, the rarest first, and then the best until none is good."""
    units = _shuffled_units(pool, seed)
    by_class = _units_by_class(units)
    choice = _Choice(targets, clips_per_class(pool))
    for label in sorted(targets, key=lambda label: len(by_class[label])):
        if not choice.chosen[label]:
            choice.add(_best_for(label, by_class[label], choice))
    _add_best(choice, [unit for unit in units if unit[0] not in choice.clips])
    return choice.clips


class _Choice:
    """The clips chosen for validation so far, counted by class."""

    def __init__(self, targets: Mapping[str, int], available: Counter[str]) -> None:
        self._targets = targets
        self._available = available
        self.chosen = Counter[str]()
        self.clips: set[LabelledClip] = set()

    def add(self, unit: Unit) -> None:
        self.chosen.update(clips_per_class(unit))
        self.clips.update(unit)

    def leaves_training(self, unit: Unit) -> bool:
        """Return True if each class still has a clip for training after the unit is added."""
        added = clips_per_class(unit)
        return all(self.chosen[label] + count < self._available[label] for label, count in added.items())

    def gain(self, unit: Unit) -> int:
        """Return the clips by which the unit brings the classes nearer to their targets."""
        open_ = {label: self._targets[label] - self.chosen[label] for label in {clip.label for clip in unit}}
        added = clips_per_class(unit)
        return sum(abs(open_[label]) - abs(open_[label] - count) for label, count in added.items())


def _best_for(label: str, units: Iterable[Unit], choice: _Choice) -> Unit:
    possible = [unit for unit in units if choice.leaves_training(unit)]
    if not possible:
        raise SplitError(f"no split puts the class {label!r} on both sides; put its clips into more, smaller groups")
    return max(possible, key=choice.gain)


def _add_best(choice: _Choice, units: Sequence[Unit]) -> None:
    """Add the unit of the greatest gain as long as one has any.

    A unit's gain never grows as others are added, so only the top of the heap is computed again.
    """
    heap = [(-choice.gain(unit), position) for position, unit in enumerate(units)]
    heapify(heap)
    while heap and heap[0][0] < 0:
        stored, position = heappop(heap)
        gain = choice.gain(units[position])
        if not choice.leaves_training(units[position]):
            continue
        if gain == -stored:
            choice.add(units[position])
        else:
            heappush(heap, (-gain, position))


def _shuffled_units(pool: Iterable[LabelledClip], seed: int) -> list[Unit]:
    units: dict[object, list[LabelledClip]] = defaultdict(list)
    for clip in pool:
        units[clip.path if clip.group is None else clip.group].append(clip)
    made = [tuple(unit) for unit in units.values()]
    return [made[position] for position in np.random.default_rng(seed).permutation(len(made))]


def _units_by_class(units: Iterable[Unit]) -> Mapping[str, Sequence[Unit]]:
    """Map each class to its units. Raises SplitError for a class in a single unit."""
    by_class: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        for label in dict.fromkeys(clip.label for clip in unit):
            by_class[label].append(unit)
    for label, found in sorted(by_class.items()):
        if len(found) == 1:
            clip = found[0][0]
            has = "a single clip" if clip.group is None else f"clips of the group {clip.group!r} only"
            raise SplitError(f"the class {label!r} has {has}; it needs two, to train with and to validate")
    return by_class


def _without_test(clips: Iterable[LabelledClip]) -> tuple[tuple[LabelledClip, ...], tuple[LabelledClip, ...]]:
    by_side: dict[bool, list[LabelledClip]] = {False: [], True: []}
    for clip in clips:
        by_side[clip.split == "test"].append(clip)
    return tuple(by_side[False]), tuple(by_side[True])


def _split(pool: Sequence[LabelledClip], val: Collection[LabelledClip], test: tuple[LabelledClip, ...]) -> Split:
    """Put clips into a split; check that training has every class and that no group is in two parts."""
    train = tuple(clip for clip in pool if clip not in val)
    split = Split(train, tuple(clip for clip in pool if clip in val), test)
    _check_trained(split)
    _check_groups(split)
    return split


def _check_trained(split: Split) -> None:
    trained = {clip.label for clip in split.train}
    for clip in (*split.val, *split.test):
        if clip.label not in trained:
            where = "" if clip.group is None else f" outside of the group {clip.group!r}"
            raise SplitError(f"the class {clip.label!r} has no clip to train with{where}; add some, or leave it out")


def _check_groups(split: Split) -> None:
    part_of: dict[str, str] = {}
    for part, clips in (("train", split.train), ("val", split.val), ("test", split.test)):
        for clip in clips:
            first = part if clip.group is None else part_of.setdefault(clip.group, part)
            if first != part:
                raise SplitError(f"the group {clip.group!r} is in {first} and in {part}; put all its clips into one")


def _overlap(counts: Counter[str], added: Counter[str]) -> int:
    """Return a fold's clips of the classes that are added, each counted once for each added clip."""
    return sum(counts[label] * count for label, count in added.items())
