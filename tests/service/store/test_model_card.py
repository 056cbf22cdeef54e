"""Model cards: facts of the manifest, and nothing that it lacks."""

from dataclasses import replace

import pytest
from rich.console import Console
from rich.markdown import Markdown

from clips.clip_spec import View
from service.store.manifest import Manifest, TimelineDefaults
from service.store.model_card import model_card
from tests.helpers import stores

PUBLISHED = {
    "name": "tsm_r50_sthv2_1.x",
    "release": "MMAction2 1.x",
    "url": "https://host.example/tsm_r50.pth",
    "data": "Something-Something V2",
    "top1": 62.72,
    "top5": 87.7,
    "clips": 2,
    "crops": 3,
    "sha256": "b" * 64,
}


@pytest.fixture
def manifest(tmp_path):
    folder = stores.publish(tmp_path, "colours", "3")
    return Manifest.model_validate_json((folder / "manifest.json").read_text())


def card_of(manifest, **fields):
    """The card of the manifest with other fields, as text without Markdown's marks and line breaks."""
    console = Console(width=400)
    with console.capture() as shown:
        console.print(Markdown(model_card(manifest.model_copy(update=fields))))
    return " ".join(shown.get().split())


def test_a_card_names_the_actions_and_every_file_with_its_digest(manifest):
    card = card_of(manifest)
    assert all(label in card for label in stores.LABELS)
    for stored in (manifest.checkpoint, *manifest.artifacts):
        assert stored.file in card
        assert stored.sha256 in card


def test_of_many_actions_the_first_are_named(manifest):
    labels = tuple(f"Doing thing {number:03}" for number in range(174))
    card = card_of(manifest, labels=labels)
    assert "174" in card
    assert labels[0] in card
    assert labels[-1] not in card


@pytest.mark.parametrize(
    ("view", "clips", "said"),
    [(View.CENTRE, 1, "1 clip x 1 crop"), (View.THREE, 2, "2 clips x 3 crops"), (View.TEN, 1, "1 clip x 10 crops")],
)
def test_a_card_says_how_a_video_is_seen(manifest, view, clips, said):
    card = card_of(manifest, clip=replace(manifest.clip, view=view, clips=clips))
    assert said in card
    assert "32 x 32" in card


def test_published_accuracy_stands_with_its_release_and_protocol(manifest):
    card = card_of(manifest, training={"published": PUBLISHED, "labels_from": "https://host.example/label_map.txt"})
    for fact in ("62.72 %", "87.70 %", "MMAction2 1.x", "2 x 3", "Something-Something V2", "Apache", "label_map.txt"):
        assert fact in card
    assert PUBLISHED["url"] in card
    assert PUBLISHED["sha256"] in card


def test_other_views_than_those_of_the_published_accuracy_are_mentioned(manifest):
    same = replace(manifest.clip, view=View.THREE, clips=2)
    training = {"published": PUBLISHED}
    assert "1 x 1" in card_of(manifest, training=training)
    assert "2 x 3" in card_of(manifest, training=training, clip=same)
    assert "This version" not in card_of(manifest, training=training, clip=same)


def test_measured_accuracy_stands_with_its_recipe(manifest):
    training = {
        "recipe": {"name": "tin-motion", "data": {"kind": "synthetic"}},
        "metrics": {"top1_acc": 0.8979, "epochs": 24},
    }
    card = card_of(manifest, training=training)
    assert "89.7 %" in card, "rounded down"
    assert "tin-motion" in card
    assert "Apache" not in card


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"published": None, "recipe": "mine", "metrics": []},
        {"published": {"top1": "high", "release": 1}, "metrics": {"top1_acc": None}},
    ],
    ids=["empty", "of other types", "half empty"],
)
def test_facts_that_are_missing_are_left_out(manifest, training):
    card = card_of(manifest, training=training)
    assert "None" not in card
    assert "top-1 " not in card.partition("Origin")[2].partition("Files")[0]


def test_texts_are_shown_as_they_are(manifest):
    label = "Putting <b>*a_b*</b> | `c` [d](http://e) # \x1b[31m~f~"
    card = card_of(manifest, labels=(label, "two\nlines"))
    assert "Putting <b>*a_b*</b> | `c` [d](http://e) # [31m~f~, two lines" in card


def test_a_parity_report_is_a_row(manifest):
    parity = stores.parity_report(max_abs_logit_difference=3.2e-06, top1_agreement=0.9797, num_clips_judged=512)
    artifact = manifest.artifacts[0].model_copy(update={"parity": parity})
    card = card_of(manifest, artifacts=(artifact,))
    assert "3.2e-06" in card
    assert "97.9 % of 512" in card


def test_the_start_of_a_fine_tuned_model_is_named(manifest):
    assert "Fine-tuned from: tin-motion/1" in card_of(manifest, training={"finetuned_from": "tin-motion/1"})


def test_only_a_calibrated_model_has_a_temperature_on_its_card(manifest):
    assert "1.375" in card_of(manifest, temperature=1.375)
    assert "Calibration" not in card_of(manifest)


def test_only_a_model_with_a_threshold_has_one_on_its_card(manifest):
    assert "0.3125" in card_of(manifest, threshold=0.3125)
    assert "Threshold" not in card_of(manifest)


def test_only_a_model_with_defaults_of_timelines_has_them_on_its_card(manifest):
    card = card_of(manifest, timeline=TimelineDefaults(window_seconds=1.5, min_probability=0.625))
    assert "windows of 1.5 s, one every 0.75 s" in card
    assert "0.625" in card
    assert "Timelines" not in card_of(manifest)
