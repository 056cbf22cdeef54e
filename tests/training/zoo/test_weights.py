from pathlib import Path

import pytest

from tests.helpers.training.made_zoo import made_zoo
from training.files import sha256_of
from training.zoo.catalogue import CATALOGUE, UnknownName
from training.zoo.hub import HubError
from training.zoo.weights import Weights, find_weights


@pytest.mark.parametrize("source", ["mine.pth", "mine.safetensors", "folder/mine.bin", "./mine"])
def test_a_path_is_not_opened(source):
    assert find_weights(source) == Weights(Path(source))


def test_a_file_wins_over_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("resnet50").write_bytes(b"")
    assert find_weights("resnet50").path == Path("resnet50")


def test_another_name_is_one_of_the_catalogue():
    with pytest.raises(UnknownName, match="resnet50"):
        find_weights("resnet5O")


def test_an_address_of_the_hub_is_checked():
    with pytest.raises(HubError, match="hf://owner"):
        find_weights("hf://owner")


def test_a_name_is_fetched(tmp_path, monkeypatch):
    with made_zoo(monkeypatch) as zoo:
        weights = find_weights("made_tsm", tmp_path, zoo.mirror.address)
    assert weights.path == tmp_path / CATALOGUE["made_tsm"].file.name
    assert weights.origin["published"]["sha256"] == sha256_of(weights.path)
    assert weights.data is CATALOGUE["made_tsm"].data
    assert not weights.is_own
