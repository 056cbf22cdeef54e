"""Mirror of a model store elsewhere: a folder on this machine that holds what serving needs of it.

A version is copied when anything of it has changed: its manifest, and the artifacts that the manifest names. Digests
are checked when the folder is opened, as those of any store.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Any

from pydantic import ValidationError

from service.store.addresses import opened
from service.store.atomic import ASIDE, locked, replace_folder, replacing
from service.store.manifest import MANIFEST_FILE, Manifest
from service.store.policy import POLICY_FILE

STATES_FILE = ".mirror.json"
"""Names each version that was copied, and the state of its files then."""

Listing = Mapping[str, Any]
"""What a file system says of each file, by its path below the store."""


def update_mirror(address: str, folder: Path) -> None:
    """Bring the folder up to date with the store at an address; raises AddressError, and OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), opened(address) as (files, root):
        listing = _listing(files, root)
        before, now = _read_states(folder), _states(listing)
        for name, state in now.items():
            if before.get(name) != state or not (folder / name).exists():
                _copy(files, root, folder, name)
        for name in before.keys() - now.keys():
            _remove(folder / name)
        if now != before:
            with replacing(folder / STATES_FILE) as aside:
                aside.write_text(json.dumps(now))


def _listing(files: Any, root: str) -> Listing:
    found = files.find(root, detail=True)
    start = len(root.rstrip("/")) + 1
    return {path[start:]: info for path, info in found.items()}


def _states(listing: Listing) -> dict[str, str]:
    """Return a digest of what is known of each version, `<name>/<version>`, and each policy, `<name>/policy.json`."""
    parts = {path: PurePosixPath(path).parts for path in listing}
    visible = {path: names for path, names in parts.items() if not any(name.startswith(".") for name in names)}
    versions = {names[:2] for names in visible.values() if len(names) == 3 and names[2] == MANIFEST_FILE}
    of_each: dict[str, list[str]] = {}
    for path, names in sorted(visible.items()):
        if len(names) == 3 and names[:2] in versions:
            of_each.setdefault("/".join(names[:2]), []).append(str(listing[path]))
        elif len(names) == 2 and names[1] == POLICY_FILE:
            of_each[path] = [str(listing[path])]
    return {name: hashlib.sha256("\n".join(states).encode()).hexdigest() for name, states in of_each.items()}


def _read_states(folder: Path) -> dict[str, str]:
    try:
        states: dict[str, str] = json.loads((folder / STATES_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return states


def _copy(files: Any, root: str, folder: Path, name: str) -> None:
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    if target.name == POLICY_FILE:
        with replacing(target) as aside:
            aside.write_bytes(files.cat_file(f"{root}/{name}"))
        return
    beside = Path(mkdtemp(prefix=ASIDE, dir=folder))
    new, old = beside / "new", beside / "old"
    new.mkdir()
    try:
        _copy_version(files, f"{root}/{name}", new)
        replace_folder(new, target, old)
    finally:
        shutil.rmtree(beside)


def _copy_version(files: Any, source: str, new: Path) -> None:
    text = files.cat_file(f"{source}/{MANIFEST_FILE}")
    (new / MANIFEST_FILE).write_bytes(text)
    try:
        artifacts = Manifest.model_validate_json(text).artifacts
    except ValidationError:  # the store says so when the version is opened
        return
    for artifact in artifacts:
        if files.exists(f"{source}/{artifact.file}"):
            files.get_file(f"{source}/{artifact.file}", str(new / artifact.file))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
