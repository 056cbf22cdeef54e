"""Model store: reads `<root>/<name>/<version>/` and checks digests and parity reports.

StoreError
├── ModelNotFound    no such model or version
└── ModelRefused     its manifest, a digest or a parity report is missing or wrong
"""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from service.store.manifest import MANIFEST_FILE, Artifact, Manifest, StoredFile


class StoreError(Exception):
    """Base of what the store raises."""


class ModelNotFound(StoreError):
    """The store holds no model or version of this name."""


class ModelRefused(StoreError):
    """The version fails a check; the message names the file and the reason."""


@dataclass(frozen=True)
class StoredModel:
    """A version whose files were checked against its manifest."""

    folder: Path
    manifest: Manifest

    def path_of(self, stored: StoredFile) -> Path:
        """Return the path of a file of the manifest."""
        return self.folder / stored.file


class ModelStore:
    """A folder of models, read only.

    ModelStore(Path("model_store")).open("tin-motion").manifest.labels
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str, version: str) -> Path:
        """Return the folder of a version."""
        return self.root / name / version

    def versions(self) -> dict[str, list[str]]:
        """Return the versions of each model, oldest first: the folders that have a manifest."""
        found: dict[str, list[str]] = {}
        for path in self.root.glob(f"*/*/{MANIFEST_FILE}"):
            name, version = path.parts[-3:-1]
            if not name.startswith(".") and not version.startswith("."):
                found.setdefault(name, []).append(version)
        return {name: sorted(found[name], key=_version_order) for name in sorted(found)}

    def open(self, name: str, version: str | None = None) -> StoredModel:
        """Check every byte of a version's artifacts; the newest by default. Raises ModelNotFound or ModelRefused."""
        chosen = self.versions_of(name)[-1] if version is None else version
        self.check_version(name, chosen)
        return _verified_whole(self.folder(name, chosen))

    def check_version(self, name: str, version: str) -> None:
        """Raise ModelNotFound if there is no such version."""
        versions = self.versions_of(name)
        if version not in versions:
            raise ModelNotFound(f"model {name!r} has no version {version!r}; it has {listed(versions)}")

    def versions_of(self, name: str) -> list[str]:
        """Return a model's versions, oldest first; raises ModelNotFound."""
        stored = self.versions()
        if name not in stored:
            raise ModelNotFound(f"no model {name!r} in the store; it holds {listed(stored)}")
        return stored[name]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listed(names: Iterable[str]) -> str:
    """Join names for an error message; "nothing" when there are none."""
    return ", ".join(names) or "nothing"


def _verified_whole(folder: Path) -> StoredModel:
    """Check a version, and once more if its folder was replaced meanwhile: the files read may be of both."""
    before = _inode(folder)
    try:
        return _verified(folder)
    except ModelRefused:
        if _inode(folder) == before:
            raise
    return _verified(folder)


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def _verified(folder: Path) -> StoredModel:
    manifest = _read_manifest(folder)
    if (manifest.name, manifest.version) != folder.parts[-2:]:
        raise ModelRefused(f"{_named(folder)}: its manifest is that of {manifest.name} {manifest.version}")
    for artifact in manifest.artifacts:
        _check_digest(folder, artifact)
        _check_parity(folder, artifact, manifest)
    return StoredModel(folder, manifest)


def _read_manifest(folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((folder / MANIFEST_FILE).read_bytes().removeprefix(BOM_UTF8))
    except OSError as error:
        raise ModelRefused(f"{_named(folder, MANIFEST_FILE)} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ModelRefused(f"{_named(folder, MANIFEST_FILE)} is not valid: {field}: {first['msg']}") from error


def _check_digest(folder: Path, artifact: Artifact) -> None:
    name = _named(folder, artifact.file)
    try:
        found = sha256_of(folder / artifact.file)
    except OSError as error:
        raise ModelRefused(f"{name} cannot be read: {error.strerror}") from error
    if found != artifact.sha256:
        raise ModelRefused(f"{name} is not the file that was published: sha256 {found}, not {artifact.sha256}")


def _check_parity(folder: Path, artifact: Artifact, manifest: Manifest) -> None:
    report, name = artifact.parity, _named(folder, artifact.file)
    if report.artifact_sha256 != artifact.sha256 or report.checkpoint_sha256 != manifest.checkpoint.sha256:
        raise ModelRefused(f"{name}: its parity report is for other files")
    if not report.passed:
        raise ModelRefused(f"{name}: its parity report shows that it differs from the checkpoint")


def _named(folder: Path, *file: str) -> str:
    # Clients read these messages: they get the path within the store, not where the store lies.
    return "/".join((*folder.parts[-2:], *file))


def _version_order(version: str) -> tuple[int, int, str]:
    return (1, int(version), "") if version.isdigit() else (0, 0, version)
