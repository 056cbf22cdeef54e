"""Model card: a version's manifest in words, as the README.md beside it and the page of `tin models show`.

The manifest's `training` is free-form: a fact that it lacks is left out, and its texts are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from clips.clip_spec import ClipSpec, View
from service.store.manifest import Artifact, Manifest, ParityReport, TimelineDefaults, percent_of

CARD_FILE = "README.md"

LABELS_SHOWN = 8

_NETWORKS = {
    "tin": "TIN (Temporal Interlacing Network)",
    "tsm": "TSM (Temporal Shift Module)",
    "none": "TSN (Temporal Segment Network)",
}

_Facts = Mapping[str, Any]


def model_card(manifest: Manifest) -> str:
    """Return a version's card as Markdown; it depends on the manifest alone."""
    sections = (_heading, _use, _input, _origin, _files, _parity, _licence)
    return "\n\n".join(section(manifest) for section in sections) + "\n"


def _heading(manifest: Manifest) -> str:
    some = ", ".join(_plain(label) for label in manifest.labels[:LABELS_SHOWN])
    more = f", ... (all in `{manifest.name}/{manifest.version}/manifest.json`)"
    names = some if len(manifest.labels) <= LABELS_SHOWN else some + more
    return (
        f"# {_plain(manifest.name)} {_plain(manifest.version)}\n\n{_network(manifest)}\n\n{_actions(manifest)}: {names}"
    )


def _network(manifest: Manifest) -> str:
    architecture = manifest.architecture
    name = _NETWORKS.get(str(architecture.get("temporal")), "A network")
    depth = architecture.get("depth")
    return (
        f"{name}{f' on a ResNet-{depth}' if isinstance(depth, int) else ''}, which names the action in a short video."
    )


def _actions(manifest: Manifest) -> str:
    return "It knows 1 action" if len(manifest.labels) == 1 else f"It knows {len(manifest.labels)} actions"


def _use(manifest: Manifest) -> str:
    name, version = manifest.name, manifest.version
    return f"""\
## Use

```
tin predict clip.mp4 --model {name} --version {version}
curl -F video=@clip.mp4 "http://localhost:8000/predict?model={name}&version={version}"
python -c 'import tin; print(tin.load("{name}", version="{version}").predict("clip.mp4"))'
```"""


def _input(manifest: Manifest) -> str:
    clip = manifest.clip
    return _section(
        "Input",
        [
            _frames_in_words(clip),
            _crops_in_words(clip),
            f"The network runs {_times(clip.num_views)} for a video ({clip.describe_views()})"
            + (", and the probabilities are averaged." if clip.num_views > 1 else "."),
            f"A clip is uint8 [{clip.num_frames}, {clip.crop}, {clip.crop}, 3], RGB; the graph normalises it itself.",
        ],
    )


def _frames_in_words(clip: ClipSpec) -> str:
    once = (
        f"{clip.num_frames} frames are sampled: the middle one of each of {clip.num_frames} equal parts of the video."
    )
    return once if clip.clips == 1 else f"{once} A second clip has the first frame of each part."


def _crops_in_words(clip: ClipSpec) -> str:
    side = f"{clip.crop} x {clip.crop}"
    scaled = f"The short side is scaled to {clip.crop if clip.view is View.THREE else clip.short_side} pixels"
    words = {
        View.CENTRE: f"{scaled}, and the central {side} are cut out.",
        View.THREE: f"{scaled}, and three squares along the long side are cut out.",
        View.TEN: f"{scaled}; corners and centre, {side} each, are cut out, and each is also mirrored.",
        View.SQUEEZE: f"The whole frame is squeezed to {side}.",
    }
    return words[clip.view]


def _origin(manifest: Manifest) -> str:
    training = manifest.training
    facts = [*_published_facts(_part(training, "published"), manifest.clip), *_trained_facts(training)]
    facts += [
        ("Fetched from", _code(_part(training, "fetched_from"), "url")),
        ("Fine-tuned from", _code(training, "finetuned_from")),
        ("Converted from", _file(_part(training, "converted_from"))),
        ("Class names from", _code(training, "labels_from")),
        ("Calibration", _calibration(manifest.temperature)),
        ("Threshold", _threshold(manifest.threshold)),
        ("Timelines", _timeline(manifest.timeline)),
    ]
    known = [f"**{term}:** {fact}" for term, fact in facts if fact]
    return _section("Origin and accuracy", known or ["The manifest does not say where the weights are from."])


def _calibration(temperature: float) -> str:
    return "" if temperature == 1 else f"logits are divided by {temperature:.4g} before the softmax."


def _threshold(threshold: float | None) -> str:
    return "" if threshold is None else f"an answer is likely from a top-1 probability of {threshold:.4g} on."


def _timeline(timeline: TimelineDefaults | None) -> str:
    if timeline is None:
        return ""
    step = timeline.window_seconds / 2 if timeline.step_seconds is None else timeline.step_seconds
    named = timeline.min_probability
    threshold = "" if named is None else f"; an action is named from a probability of {named:.4g} on"
    return f"windows of {timeline.window_seconds:g} s, one every {step:g} s{threshold}."


def _published_facts(published: _Facts, clip: ClipSpec) -> Iterable[tuple[str, str]]:
    yield "Name", _text(published, "name")
    yield "Trained on", _text(published, "data")
    yield "Published accuracy", _published_accuracy(published, clip)
    yield "Weights", _code(published, "url")
    yield "Their SHA-256", _code(published, "sha256")


def _published_accuracy(published: _Facts, clip: ClipSpec) -> str:
    shares = [f"top-{k} {published[key]:.2f} %" for k, key in ((1, "top1"), (5, "top5")) if _is_number(published, key)]
    if not shares:
        return ""
    release = _text(published, "release") or "its publisher"
    views = [published.get("clips"), published.get("crops")]
    if not all(isinstance(number, int) for number in views):
        return f"{', '.join(shares)}, by {release}; not measured here."
    protocol = f"{views[0]} x {views[1]} views (clips x crops)"
    other = "" if views == [clip.clips, clip.num_crops] else f" This version sees {clip.clips} x {clip.num_crops}."
    return f"{', '.join(shares)}, by {release} with {protocol}; not measured here.{other}"


def _trained_facts(training: _Facts) -> Iterable[tuple[str, str]]:
    recipe, metrics = _part(training, "recipe"), _part(training, "metrics")
    rendered = _part(recipe, "data").get("kind") == "synthetic"
    yield "Recipe", _text(recipe, "name")
    yield "Trained on", "clips rendered during training" if rendered else ""
    yield "Epochs", _text(metrics, "epochs")
    top1 = "top1_acc" if "top1_acc" in metrics else "validation_top1"
    measured = f"top-1 {percent_of(metrics[top1])} on the recipe's validation set" if _is_number(metrics, top1) else ""
    yield "Measured accuracy", measured


def _files(manifest: Manifest) -> str:
    stored = [f"`{manifest.checkpoint.file}` (weights): SHA-256 `{manifest.checkpoint.sha256}`"]
    stored += [f"`{each.file}` ({_format(each)}): SHA-256 `{each.sha256}`" for each in manifest.artifacts]
    return _section("Files", stored)


def _format(artifact: Artifact) -> str:
    built_for = [_plain(f"for {name} {value}") for name, value in artifact.built_for.items()]
    return ", ".join([_plain(artifact.format), _plain(artifact.precision), *built_for])


def _parity(manifest: Manifest) -> str:
    rows = [_parity_row(artifact.file, artifact.parity) for artifact in manifest.artifacts]
    heading = ("file", "device", "clips", "largest logit difference", "allowed", "same top-1", "needed")
    table = "\n".join(f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading), *rows))
    compared = "Each file's answers were compared with those of the weights in torch, on the device in the table."
    return f"## Parity\n\n{compared}\n\n{table}"


def _parity_row(file: str, parity: ParityReport) -> tuple[str, ...]:
    limit = "-" if parity.limit is None else f"{parity.limit:.1e}"
    needed = percent_of(parity.required_top1_agreement) + (" (accepted below)" if parity.is_accepted else "")
    return (
        f"`{file}`",
        _plain(parity.device),
        str(parity.num_clips),
        f"{parity.max_abs_logit_difference:.1e}",
        limit,
        f"{percent_of(parity.top1_agreement)} of {parity.num_clips_judged}",
        needed,
    )


def _licence(manifest: Manifest) -> str:
    published = _part(manifest.training, "published")
    facts = []
    if str(published.get("release", "")).startswith("MMAction2"):
        facts.append("The weights were published by MMAction2, a project under the Apache License 2.0.")
    if data := _text(published, "data"):
        facts.append(
            f"They were trained on {data}, which has terms of use of its own. Check them before you use the model."
        )
    return _section("Licence", facts or ["The manifest names no licence for the weights. Ask whoever published them."])


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"## {title}", "", *(f"- {line}" for line in lines)])


def _part(facts: _Facts, key: str) -> _Facts:
    """Return the mapping under a key; empty where there is none."""
    part = facts.get(key)
    return part if isinstance(part, Mapping) else {}


def _text(facts: _Facts, key: str) -> str:
    value = facts.get(key)
    return _plain(str(value)) if isinstance(value, str | int | float) else ""


def _code(facts: _Facts, key: str) -> str:
    """Return an address, a file or a digest as it is to be copied."""
    value = facts.get(key)
    return f"`{_one_line(value).replace('`', '')}`" if isinstance(value, str) else ""


def _is_number(facts: _Facts, key: str) -> bool:
    return isinstance(facts.get(key), int | float)


def _file(facts: _Facts) -> str:
    return ", SHA-256 ".join(fact for fact in (_code(facts, "file"), _code(facts, "sha256")) if fact)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _plain(text: str) -> str:
    """Return a text as one line of Markdown that shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
