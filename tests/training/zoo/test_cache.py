import hashlib

import pytest

from tests.helpers.servers.file_server import serving
from training.zoo.cache import PublishedFile, fetch_file

CONTENT = b"published"
FILE = PublishedFile("https://host.example/tin/run/model.pth", hashlib.sha256(CONTENT).hexdigest()[:8], "model.pth")


@pytest.mark.parametrize(
    ("mirror", "address"),
    [
        (None, "https://host.example/tin/run/model.pth"),
        ("http://mirror.local:8000/", "http://mirror.local:8000/tin/run/model.pth"),
        ("http://mirror.local/zoo", "http://mirror.local/zoo/tin/run/model.pth"),
        ("file:///media/zoo", "file:///media/zoo/tin/run/model.pth"),
        ("/media/the zoo", "file:///media/the%20zoo/tin/run/model.pth"),
    ],
)
def test_a_mirror_keeps_the_path(mirror, address):
    assert FILE.at(mirror) == address


def test_a_file_is_fetched_once_under_its_name(tmp_path):
    with serving({"/tin/run/model.pth": CONTENT}) as server:
        for _ in range(2):
            path = fetch_file(FILE, tmp_path / "cache", server.address)
    assert path == tmp_path / "cache" / "model.pth"
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == 1


@pytest.mark.parametrize("as_address", [True, False])
def test_a_folder_is_a_mirror(tmp_path, as_address):
    folder = tmp_path / "the zoo"
    (folder / "tin" / "run").mkdir(parents=True)
    (folder / "tin" / "run" / "model.pth").write_bytes(CONTENT)
    path = fetch_file(FILE, tmp_path / "cache", folder.as_uri() if as_address else str(folder))
    assert path.read_bytes() == CONTENT


def test_the_default_cache_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with serving({"/tin/run/model.pth": CONTENT}) as server:
        assert fetch_file(FILE, mirror=server.address) == tmp_path / "tin-serve" / "model.pth"
