"""Upload of a published version to a repository of the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from training.zoo.hub import HubRepository, refused, require_client


def push(folder: Path, repository: HubRepository, message: str) -> str:
    """Upload the files of a version's folder in one commit; return the commit's address.

        push(Path("model_store/mine/1"), parse_address("hf://me/mine"), "mine 1")

    A repository that does not exist is made, private. Its other files stay. The hub's client finds the user's token, in
    HF_TOKEN or where `hf auth login` put it.

    Args:
        folder: The version's folder: manifest, checkpoint, artifacts.
        repository: The repository, and the branch as its revision; the main branch if None.
        message: Title of the commit.

    Raises HubError.
    """
    require_client(repository)
    from huggingface_hub import CommitOperationAdd, HfApi  # noqa: PLC0415 - an optional package

    files = [CommitOperationAdd(path.name, path) for path in sorted(folder.iterdir()) if path.is_file()]
    api = HfApi()
    try:
        api.create_repo(repository.id, private=True, exist_ok=True)
        commit = api.create_commit(
            repository.id, files, commit_message=message, revision=repository.revision, repo_type="model"
        )
    except Exception as error:  # the client raises errors of its HTTP library as well
        raise refused(repository, error) from error
    return str(commit.commit_url)
