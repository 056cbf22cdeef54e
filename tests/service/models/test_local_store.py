"""A store at an address: mirrored into a folder, checked, followed, and kept when it cannot be reached."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from tempfile import mkdtemp

import fsspec
import pytest

from service.config.settings import Settings
from service.models.local_store import local_store
from service.models.open_model import open_model
from service.models.registry import Registry
from service.models.versions import LoadedModel, RefusedModel
from service.store.addresses import AddressError, address_of
from service.store.model_store import ModelStore
from tests.helpers import stores

ADDRESS = "memory://bucket/models"


@pytest.fixture
def bucket(tmp_path):
    """A bucket in memory, which `upload` fills from a folder."""
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/bucket", recursive=True)


@pytest.fixture
def upload(bucket, tmp_path):
    """Publishes a version of `colours` in a folder and copies it to the bucket; returns the folder."""

    def publish(version: str, **options) -> Path:
        folder = stores.publish(Path(mkdtemp(dir=tmp_path)), "colours", version, **options)
        for file in folder.iterdir():
            bucket.pipe_file(f"/bucket/models/colours/{version}/{file.name}", file.read_bytes())
        return folder

    return publish


@pytest.fixture
def settings(tmp_path):
    return Settings(model_store=Path(ADDRESS), store_cache=tmp_path / "cache", onnx_threads=1)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("s3://bucket/models", "s3://bucket/models"),
        ("hf://datasets/me/clips/a.mp4", "hf://datasets/me/clips/a.mp4"),
        ("model_store", None),
        ("/model_store", None),
        ("a:b", None),
        ("C:/models", None),
        ("clips/s3:/a", None),
    ],
)
def test_an_address_is_known_as_a_path_too(path, address):
    assert address_of(Path(path)) == address


def test_a_folder_is_taken_as_it_is(tmp_path):
    settings = Settings(model_store=tmp_path)
    assert local_store(settings) is settings


def test_only_what_serving_needs_is_copied(settings, upload, bucket):
    upload("1")
    bucket.pipe_file("/bucket/models/colours/1/checkpoint.safetensors", bytes(99))
    bucket.pipe_file("/bucket/models/colours/policy.json", b'{"serve": [1]}')
    folder = local_store(settings).model_store
    copied = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert copied == {"colours/1/manifest.json", "colours/1/model.onnx", "colours/policy.json", ".mirror.json"}
    assert ModelStore(folder).open("colours", "1").manifest.name == "colours"


def test_versions_that_come_change_and_go_are_followed(settings, upload, bucket):
    upload("1")
    registry = Registry.open(settings)
    assert registry.get().version == "1"
    first = registry.get().digest
    upload("2")
    registry.refresh(settings)
    assert [model.version for model in registry.all()] == ["1", "2"]
    bucket.rm("/bucket/models/colours/2", recursive=True)
    upload("1", graph=stores.colour_graph(("logits",)))
    registry.refresh(settings)
    assert [model.version for model in registry.all()] == ["1"]
    assert registry.get().digest != first
    registry.close()


def test_what_has_not_changed_is_not_read_again(settings, upload, monkeypatch):
    upload("1")
    folder = local_store(settings).model_store
    before = (folder / "colours/1/model.onnx").stat().st_ino
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_file", None)
    assert local_store(settings).model_store == folder
    assert (folder / "colours/1/model.onnx").stat().st_ino == before


def test_digests_are_checked(settings, upload, bucket):
    upload("1")
    bucket.pipe_file("/bucket/models/colours/1/model.onnx", b"another file")
    registry = Registry.open(settings)
    (refused,) = registry.all()
    assert isinstance(refused, RefusedModel)
    assert "not the file that was published" in refused.reason
    upload("1")
    registry.refresh(settings)
    assert isinstance(registry.get(), LoadedModel)
    registry.close()


def test_a_store_that_cannot_be_reached_leaves_its_models(settings, upload, bucket, monkeypatch, caplog):
    upload("1")
    model = open_model(settings)
    model.backend.close()

    def fail(*_, **__):
        raise TimeoutError("no answer\nfor 5 s")

    monkeypatch.setattr(type(bucket), "find", fail)
    with caplog.at_level(logging.WARNING, logger="service"):
        open_model(settings).backend.close()
    assert "the models stay as they were: memory://bucket/models cannot be read" in caplog.text
    elsewhere = settings.model_copy(update={"model_store": Path("memory://other")})
    with pytest.raises(AddressError, match="no answer for 5 s") as refused:
        local_store(elsewhere)
    assert "\n" not in str(refused.value)


def test_a_package_that_is_missing_is_named(settings, monkeypatch):
    with pytest.raises(AddressError, match="nosuch"):
        local_store(settings.model_copy(update={"model_store": Path("nosuch://bucket")}))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(AddressError, match=r"\.\[remote\]"):
        local_store(settings)
