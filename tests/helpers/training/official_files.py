"""Small annotation files in the official formats."""

import json

STHV1_LABELS = ("Holding something", "Turning something upside down", "Approaching something with your camera")
STHV2_LABELS = ("Approaching something with your camera", "Putting something, something and something on the table")
STHV2_TEMPLATES = (
    "Approaching [something] with your camera",
    "Putting [something], [something] and [something] on the table",
)


def write_kinetics400(folder, train, val, *, names=("train.csv", "val.csv"), last_column="split"):
    """Write both splits; rows are (label, youtube_id, time_start, time_end)."""
    for name, rows in zip(names, (train, val), strict=True):
        lines = [f"label,youtube_id,time_start,time_end,{last_column}", *(",".join((*row, "train")) for row in rows)]
        write(folder / name, "\n".join(lines) + "\n")
    return folder


def write_sthv1(folder, train, val):
    """Write labels and both splits; rows are (id, class number)."""
    write(folder / "something-something-v1-labels.csv", "".join(f"{label}\n" for label in STHV1_LABELS))
    for split, rows in (("train", train), ("validation", val)):
        lines = "".join(f"{name};{STHV1_LABELS[label]}\n" for name, label in rows)
        write(folder / f"something-something-v1-{split}.csv", lines)
    return folder


def write_sthv2(folder, train, val):
    """Write labels and both splits; rows are (id, class number)."""
    numbers = {label: str(number) for number, label in enumerate(STHV2_LABELS)}
    write(folder / "something-something-v2-labels.json", json.dumps(numbers))
    for split, rows in (("train", train), ("validation", val)):
        entries = [
            {"id": name, "label": "what was done", "template": STHV2_TEMPLATES[label], "placeholders": []}
            for name, label in rows
        ]
        write(folder / f"something-something-v2-{split}.json", json.dumps(entries))
    return folder


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
