import pytest

from training.checkpoints.zoo_catalogue import CATALOGUE, PublishedCheckpoint


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_published_file_names_its_digest_and_has_its_path_on_a_mirror(name):
    published = CATALOGUE[name]
    assert published.file.endswith(f"-{published.digest_start}.pth")
    mirrored = published.at("http://mirror.local:8000/")
    assert mirrored.startswith("http://mirror.local:8000/m")
    assert published.url.endswith(mirrored.removeprefix("http://mirror.local:8000"))


def test_a_file_without_a_digest_cannot_be_in_the_catalogue():
    with pytest.raises(ValueError, match=r"model\.pth "):
        PublishedCheckpoint("https://published.example/model.pth", "nothing", 0, 0).digest_start  # noqa: B018
