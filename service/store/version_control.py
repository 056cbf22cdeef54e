"""Version control of a model store: choose the versions of a model that are served, and remove versions.

A running service follows within TIN_STORE_POLL_SECONDS. The policy is written under the lock of the store's root, which
is held for moments only, so that a roll-back need not wait for an export to the same model.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from service.store.atomic import ASIDE, flush, locked, replacing
from service.store.model_store import ModelStore, StoreError
from service.store.policy import LATEST, POLICY_FILE, Pinned, PolicyRefused, ServingPolicy, read_policy
from service.store.sidecars import follow_policy


class RemovalRefused(StoreError):
    """The version is the only one of its model, or its policy names it."""


def pin(root: Path, name: str, version: str) -> ServingPolicy:
    """Let one version answer; raises as `serve`."""
    ModelStore(root).check_version(name, version)
    return serve(root, name, ServingPolicy(serve=Pinned(pinned=version)))


def unpin(root: Path, name: str) -> ServingPolicy:
    """Let the newest version answer again. Raises PolicyRefused where none is pinned, StoreError and OSError."""
    ModelStore(root).versions_of(name)
    policy = read_policy(root / name)
    if policy.pinned is None:
        raise PolicyRefused(f"model {name!r} is not pinned; its policy is {policy}")
    return serve(root, name, LATEST)


def serve(root: Path, name: str, policy: ServingPolicy) -> ServingPolicy:
    """Replace a model's policy atomically, and return it.

        serve(Path("model_store"), "tin-motion", ServingPolicy(serve=[1, 3]))

    Raises ModelNotFound for a model or version that does not exist, ModelRefused for a named version that fails the
    store's checks, and OSError. The policy is then unchanged.
    """
    store = ModelStore(root)
    store.versions_of(name)
    for version in policy.named:
        store.open(name, version)
    with locked(root):
        _write(root / name, policy)
        follow_policy(root, name)
    return policy


def remove(root: Path, name: str, version: str, *, force: bool = False) -> ServingPolicy:
    """Remove a version: one rename takes it out of the store, then its files are deleted. Returns the policy.

    Args:
        root: Folder of the models.
        name: The model's name.
        version: The version to remove.
        force: Also remove the only version, or one that the policy names; the policy then no longer names it.

    Raises ModelNotFound, RemovalRefused, PolicyRefused, and OSError. It waits while an export writes to the same model.
    """
    ModelStore(root).versions_of(name)
    with locked(root / name):
        with locked(root):
            policy = _policy_without(root, name, version, force=force)
            aside = _move_aside(root / name, version)
            follow_policy(root, name)
        shutil.rmtree(aside)
    return policy


def _policy_without(root: Path, name: str, version: str, *, force: bool) -> ServingPolicy:
    """Take the version out of the policy; raises RemovalRefused if that needs `force`."""
    store, policy = ModelStore(root), read_policy(root / name)
    store.check_version(name, version)
    if not force and store.versions_of(name) == [version]:
        raise RemovalRefused(f"{name} {version} is the model's only version; --force removes it all the same")
    if version not in policy.named:
        return policy
    if not force:
        raise RemovalRefused(
            f"{name} {version} is named by the policy, {policy}; pin or serve another version first, or use --force"
        )
    return _write(root / name, policy.without(version))


def _move_aside(folder: Path, version: str) -> Path:
    aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=folder))
    (folder / version).rename(aside / version)
    flush(folder)
    return aside


def _write(folder: Path, policy: ServingPolicy) -> ServingPolicy:
    path = folder / POLICY_FILE
    if policy == LATEST:
        path.unlink(missing_ok=True)
        flush(folder)
        return policy
    with replacing(path) as aside:
        aside.write_text(policy.model_dump_json() + "\n", encoding="utf-8")
    return policy
