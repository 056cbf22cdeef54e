"""Sidecars of a model follow its policy: Triton's `version_policy`, and `<name>.mar`, the archive for TorchServe.

The line of config.pbtxt is replaced as text, so that this needs none of the libraries of an export.
"""

from __future__ import annotations

import re
from pathlib import Path

from service.store.atomic import link_or_copy, replacing
from service.store.model_store import ModelStore
from service.store.policy import ServingPolicy, read_policy

TRITON_CONFIG = "config.pbtxt"

_VERSION_POLICY = re.compile(r"^version_policy \{.*\}$", flags=re.MULTILINE)


def follow_policy(root: Path, name: str) -> None:
    """Bring a model's sidecars in line with its policy; files that are right stay untouched.

    The caller holds the lock of the store's root. Raises StoreError and OSError.
    """
    policy = read_policy(root / name)
    config = root / name / TRITON_CONFIG
    if config.exists():
        _follow_in_config(config, policy)
    _link_archive(root, name, policy)


def with_version_policy(config: str, policy: ServingPolicy) -> str:
    """Return the text of a config.pbtxt with Triton's version_policy in place of the one that it has.

    Triton loads no versions but those that answer: a pinned version is the only one. Versions that are not named by a
    whole number from 1 do not exist for Triton; where the policy names no other, Triton keeps all.
    """
    numbers = [version for version in policy.named if version.isdecimal() and not version.startswith("0")]
    chosen = f"specific {{ versions: [{', '.join(numbers)}] }}" if numbers else "all { }"
    return _VERSION_POLICY.sub(f"version_policy {{ {chosen} }}", config)


def _link_archive(root: Path, name: str, policy: ServingPolicy) -> None:
    versions, link = ModelStore(root).versions().get(name, []), root / f"{name}.mar"
    archives = {version: path for version in versions for path in (root / name / version).glob("*.mar")}
    chosen = [archives[version] for version in policy.candidates(versions) if version in archives][:1]
    for archive in chosen:
        if not link.exists() or not link.samefile(archive):
            with replacing(link) as aside:
                aside.unlink()
                link_or_copy(archive, aside)
    if not archives:
        link.unlink(missing_ok=True)


def _follow_in_config(config: Path, policy: ServingPolicy) -> None:
    text = config.read_text(encoding="utf-8")
    wanted = with_version_policy(text, policy)
    if wanted != text:
        with replacing(config) as aside:
            aside.write_text(wanted, encoding="utf-8")
