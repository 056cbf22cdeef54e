from pathlib import Path

import pytest

from training.lists.clip_set import ClipSet, ClipSetError, LabelledClip, clips_per_class
from training.lists.item_list import ItemListError

ROOT = Path("gestures")


def clip_set(*labels, name="{label}/{number}.mp4"):
    paths = [name.format(label=label, number=number) for number, label in enumerate(labels)]
    return ClipSet(ROOT, tuple(LabelledClip(Path(path), label) for path, label in zip(paths, labels, strict=True)))


def test_labels_are_sorted_and_each_counts_once():
    made = clip_set("wave", "arm_wrestling", "wave", "Clap")
    assert made.labels == ("Clap", "arm_wrestling", "wave")
    assert clips_per_class(made.clips) == {"wave": 2, "arm_wrestling": 1, "Clap": 1}


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ((), ["gestures"]),
        (("wave", "wave"), ["gestures", "wave"]),
        (("wave", "clap", "Wave"), ["'wave'", "'Wave'"]),
        (("straße", "STRASSE"), ["'straße'", "'STRASSE'"]),
        (("wave", "two\nlines"), ["two\\nlines"]),
        (("wave", " clap"), ["' clap'"]),
        (("wave", ""), ["''"]),
        (("wave", "caf\udce9"), ["udce9"]),
    ],
)
def test_class_names_that_cannot_be_used(labels, named):
    with pytest.raises(ClipSetError) as caught:
        clip_set(*labels, name="{number}.mp4")
    assert all(name in str(caught.value) for name in named)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_name_that_a_list_cannot_hold():
    with pytest.raises(ItemListError) as caught:
        clip_set("wave", "clap", name="{label}/a\n{number}.mp4")
    assert "wave/a\\n0.mp4" in str(caught.value)
