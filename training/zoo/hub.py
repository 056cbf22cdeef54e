"""Repositories of the Hugging Face Hub: addresses such as hf://owner/name@revision, and download."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from training.errors import BadInput

SCHEME = "hf://"
CHECKPOINT_FILES = ("checkpoint.safetensors", "checkpoint.json")
"""A checkpoint of this project, as a version of the model store has it."""


class HubError(BadInput):
    """The address is wrong, the hub cannot be reached or refuses, or the repository lacks a checkpoint."""


@dataclass(frozen=True)
class HubRepository:
    """A repository of the hub; `revision` is a branch, a tag or a commit, None for its main branch."""

    owner: str
    name: str
    revision: str | None = None

    @property
    def id(self) -> str:
        """The hub's name of the repository."""
        return f"{self.owner}/{self.name}"

    def __str__(self) -> str:
        return SCHEME + self.id + (f"@{self.revision}" if self.revision else "")


def parse_address(address: str) -> HubRepository:
    """Parse hf://owner/name or hf://owner/name@revision. Raises HubError.

    >>> parse_address("hf://me/tin@v2").revision
    'v2'
    """
    match = re.fullmatch(r"hf://([\w.-]+)/([\w.-]+)(?:@([\w./-]+))?", address)
    if match is None:
        raise HubError(f"{address} is no address of the hub; expected hf://owner/name or hf://owner/name@revision")
    return HubRepository(*match.groups())


def require_client(address: object) -> None:
    """Raise HubError if the hub's client is not installed; leave its progress bars to terminals."""
    try:
        import huggingface_hub  # noqa: F401, PLC0415 - an optional package
        from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415
    except ImportError as error:
        advice = "pip install -c constraints.txt -e .[hub]"
        raise HubError(f"{address} needs huggingface_hub: {advice}") from error
    if not sys.stderr.isatty():
        disable_progress_bars()


def fetch_from_hub(repository: HubRepository, cache: Path | None = None) -> tuple[Path, str]:
    """Download a repository's checkpoint to the hub's own cache, which resumes and verifies downloads.

    Args:
        repository: A repository with `CHECKPOINT_FILES`, or with one .pth file.
        cache: Folder for the hub's cache; its default one if None.

    Returns:
        The .safetensors or .pth file, and the commit that it is of.

    Raises HubError.
    """
    require_client(repository)
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - an optional package

    try:
        folder = snapshot_download(
            repository.id,
            revision=repository.revision,
            cache_dir=cache and cache / "hub",
            allow_patterns=[*CHECKPOINT_FILES, "*.pth"],
        )
    except Exception as error:  # the client raises errors of its HTTP library as well
        raise refused(repository, error) from error
    return _checkpoint_in(Path(folder), repository), Path(folder).name


def refused(repository: HubRepository, error: Exception) -> HubError:
    """Map an error of the hub's client to one line that names the repository."""
    from huggingface_hub import errors  # noqa: PLC0415 - an optional package

    if isinstance(error, errors.RepositoryNotFoundError):
        reason = "there is no such repository, or HF_TOKEN may not see it"
    elif isinstance(error, errors.RevisionNotFoundError):
        reason = "it has no such revision"
    elif isinstance(error, errors.HfHubHTTPError) and error.response is not None:
        reason = f"the hub answers with HTTP status {error.response.status_code}; check HF_TOKEN"
    else:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return HubError(f"{repository}: {reason}")


def _checkpoint_in(folder: Path, repository: HubRepository) -> Path:
    if all((folder / name).exists() for name in CHECKPOINT_FILES):
        return folder / CHECKPOINT_FILES[0]
    found = sorted(folder.rglob("*.pth"))
    if len(found) != 1:
        raise HubError(
            f"{repository} has {len(found)} .pth files; expected {' and '.join(CHECKPOINT_FILES)}, or one .pth file"
        )
    return found[0]
