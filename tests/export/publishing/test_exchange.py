import subprocess
import sys

import pytest

from export.publishing import exchange
from export.publishing.exchange import put_in_place
from tests.helpers.paths import REPOSITORY


def folder(path, content):
    path.mkdir()
    (path / "content").write_text(content)
    return path


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_new_folder_takes_the_place_of_the_old(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(exchange, "_exchange", lambda *_: False)
    target = folder(tmp_path / "target", "old")
    put_in_place(folder(tmp_path / "new", "new"), target, tmp_path / "old")
    assert (target / "content").read_text() == "new"
    left = tmp_path / ("new" if can_exchange else "old")
    assert (left / "content").read_text() == "old"


def test_a_first_folder_is_put_in_place(tmp_path):
    put_in_place(folder(tmp_path / "new", "new"), tmp_path / "target", tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


EXCHANGE_OFTEN = """
import sys
from pathlib import Path
from export.publishing.exchange import put_in_place
for _ in range(2001):
    put_in_place(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
"""


def test_a_reader_never_finds_the_place_empty(tmp_path):
    target, other = folder(tmp_path / "target", "0"), folder(tmp_path / "other", "1")
    seen = {(target / "content").read_text()}
    command = [sys.executable, "-c", EXCHANGE_OFTEN, str(other), str(target), str(tmp_path / "old")]
    with subprocess.Popen(command, cwd=REPOSITORY) as writer:
        while writer.poll() is None:
            seen.add((target / "content").read_text())
    assert writer.returncode == 0
    assert seen | {(target / "content").read_text()} == {"0", "1"}
