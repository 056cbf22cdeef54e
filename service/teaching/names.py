"""Names of actions and models: checked, so that each is the name of one folder and of nothing else."""

from __future__ import annotations

import re
import unicodedata

from service.store.manifest import FILE_NAME
from service.teaching.errors import BadName

MAX_CHARACTERS = 60
"""Of an action's name: at most 240 bytes in UTF-8, and file systems take 255."""

SPLITS = {"train", "val", "test"}
"""Folders of these names hold the splits of a data set (`tin finetune`)."""


def action_name(text: str) -> str:
    """Return an action's name in Unicode's composed form (NFC), with single spaces; raises BadName.

    action_name("  wave   hello ")    # "wave hello"
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= MAX_CHARACTERS:
        raise BadName(f"the name of an action has 1 to {MAX_CHARACTERS} characters, not {len(name)}")
    if name.startswith(".") or any(each in "/\\" or unicodedata.category(each).startswith("C") for each in name):
        raise BadName(f"{name!r} cannot name an action: leave out slashes, invisible signs and a leading dot")
    if name.casefold() in SPLITS:
        raise BadName(f"{name!r} cannot name an action: folders of that name hold the splits of a data set")
    return name


def model_name(text: str) -> str:
    """Return a model's name, as the model store takes it; raises BadName."""
    name = text.strip()
    if len(name) > MAX_CHARACTERS or not re.fullmatch(FILE_NAME, name):
        raise BadName(
            f"{name!r} cannot name a model: take up to {MAX_CHARACTERS} letters, digits, '.', '_' and '-', "
            "beginning with a letter or a digit"
        )
    return name
