"""Version control: policies and removals are whole or not at all, and sidecars follow."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from service.store.model_store import ModelNotFound, ModelRefused, ModelStore
from service.store.policy import LATEST, POLICY_FILE, PolicyRefused, ServingPolicy, read_policy
from service.store.version_control import RemovalRefused, pin, remove, serve, unpin

CONFIG = 'name: "colours"\nversion_policy { all { } }\nmax_batch_size: 16\n'


@pytest.fixture
def root(tmp_path: Path, publish: Callable[..., Path]) -> Path:
    """A store with the versions 1, 2 and 3 of `colours`."""
    for version in ("1", "2", "3"):
        publish(tmp_path, "colours", version)
    return tmp_path


def contents(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_a_pin_is_a_file_and_unpinning_removes_it(root: Path) -> None:
    before = contents(root)
    assert pin(root, "colours", "2") == read_policy(root / "colours")
    assert contents(root) - before == {f"colours/{POLICY_FILE}"}
    assert unpin(root, "colours") == LATEST
    assert contents(root) == before


def test_a_policy_is_replaced(root: Path) -> None:
    serve(root, "colours", ServingPolicy(serve=("1", "3")))
    with pytest.raises(PolicyRefused, match="1, 3"):
        unpin(root, "colours")
    assert str(serve(root, "colours", LATEST)) == "latest"
    assert not (root / "colours" / POLICY_FILE).exists()


@pytest.mark.parametrize(("name", "version"), [("none", "1"), ("colours", "7"), ("../colours", "1"), ("colours", "")])
def test_a_version_that_is_not_there_is_neither_pinned_nor_removed(root: Path, name: str, version: str) -> None:
    before = contents(root)
    for change in (pin, remove):
        with pytest.raises(ModelNotFound):
            change(root, name, version)
    assert contents(root) == before


def test_a_version_that_the_service_would_refuse_is_not_pinned(root: Path) -> None:
    (root / "colours" / "2" / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelRefused, match="colours/2/"):
        pin(root, "colours", "2")
    assert read_policy(root / "colours") == LATEST


def test_a_pin_replaces_a_policy_that_is_damaged(root: Path) -> None:
    (root / "colours" / POLICY_FILE).write_text("{")
    assert str(pin(root, "colours", "2")) == "pinned 2"


def test_a_roll_back_does_not_wait_for_an_export(root: Path) -> None:
    exporting = os.open(root / "colours", os.O_RDONLY)
    fcntl.flock(exporting, fcntl.LOCK_EX)
    assert str(pin(root, "colours", "1")) == "pinned 1"
    os.close(exporting)


def test_a_removed_version_leaves_nothing(root: Path) -> None:
    remove(root, "colours", "2")
    assert ModelStore(root).versions() == {"colours": ["1", "3"]}
    assert {path.name for path in (root / "colours").iterdir()} == {"1", "3"}


def test_versions_that_are_in_use_are_removed_only_by_force(root: Path) -> None:
    pin(root, "colours", "2")
    with pytest.raises(RemovalRefused, match="colours 2"):
        remove(root, "colours", "2")
    assert ModelStore(root).versions_of("colours") == ["1", "2", "3"]
    assert remove(root, "colours", "2", force=True) == LATEST
    serve(root, "colours", ServingPolicy(serve=("1", "3")))
    assert remove(root, "colours", "3", force=True) == ServingPolicy(serve=("1",)) == read_policy(root / "colours")
    with pytest.raises(RemovalRefused, match="colours 1"):
        remove(root, "colours", "1")
    remove(root, "colours", "1", force=True)
    assert ModelStore(root).versions() == {}


def test_a_damaged_policy_lets_nothing_be_removed(root: Path) -> None:
    (root / "colours" / POLICY_FILE).write_text("{")
    with pytest.raises(PolicyRefused):
        remove(root, "colours", "1", force=True)
    assert ModelStore(root).versions_of("colours") == ["1", "2", "3"]


def test_triton_s_configuration_follows(root: Path) -> None:
    config = root / "colours" / "config.pbtxt"
    config.write_text(CONFIG)
    pin(root, "colours", "2")
    assert config.read_text() == CONFIG.replace("all { }", "specific { versions: [2] }")
    serve(root, "colours", ServingPolicy(serve=("1", "3")))
    assert config.read_text() == CONFIG.replace("all { }", "specific { versions: [1, 3] }")
    remove(root, "colours", "3", force=True)
    assert config.read_text() == CONFIG.replace("all { }", "specific { versions: [1] }")
    serve(root, "colours", LATEST)
    assert config.read_text() == CONFIG


def test_triton_keeps_all_where_the_policy_names_no_number(root: Path, publish: Callable[..., Path]) -> None:
    publish(root, "colours", "v4")
    (root / "colours" / "config.pbtxt").write_text(CONFIG)
    pin(root, "colours", "v4")
    assert (root / "colours" / "config.pbtxt").read_text() == CONFIG


def test_the_archive_for_torchserve_follows(root: Path) -> None:
    link = root / "colours.mar"
    for version in ("1", "2"):
        (root / "colours" / version / "model.mar").write_text(f"archive {version}")
    for change, expected in (
        (lambda: pin(root, "colours", "1"), "archive 1"),
        (lambda: pin(root, "colours", "3"), "archive 1"),  # 3 has none
        (lambda: unpin(root, "colours"), "archive 2"),
        (lambda: remove(root, "colours", "2"), "archive 1"),
    ):
        change()
        assert link.read_text() == expected
    remove(root, "colours", "1")
    assert not link.exists()


def test_a_store_that_cannot_be_written_keeps_its_policy(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    pin(root, "colours", "1")
    monkeypatch.setattr("service.store.atomic.flush", full)
    with pytest.raises(OSError, match="No space"):
        pin(root, "colours", "2")
    assert str(read_policy(root / "colours")) == "pinned 1"
