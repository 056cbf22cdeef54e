"""Fixtures of the export's tests: a request to export the small network, and exports that are made only once."""

import dataclasses
import hashlib
import shutil

import pytest

from export.formats.catalogue import FORMATS, ExportRequest


@pytest.fixture
def export_request(checkpoint):
    """The small network as version 1 of the model `letters`."""
    return ExportRequest("letters", "1", checkpoint)


def cached(fmt):
    """Return the format with a cache by weights: an export takes seconds."""
    contents = {}

    def make(request, folder):
        tensors = sorted(request.checkpoint.tensors.items())
        key = hashlib.sha256(b"".join(tensor.numpy().tobytes() for _, tensor in tensors)).digest()
        if key not in contents:
            contents[key] = fmt.make(request, folder)
        return contents[key]

    return dataclasses.replace(fmt, make=make)


@pytest.fixture(scope="session")
def cached_formats():
    """Formats with a cache, by name."""
    return {name: cached(FORMATS[name]) for name in ("onnx", "onnx-fp16", "torch")}


@pytest.fixture(scope="session")
def cached_onnx(cached_formats):
    """The base format with a cache."""
    return cached_formats["onnx"]


@pytest.fixture
def cached_exports(monkeypatch, cached_formats):
    """Exports in this process are cached."""
    for name, fmt in cached_formats.items():
        monkeypatch.setitem(FORMATS, name, fmt)


@pytest.fixture(scope="session")
def published_store(checkpoint, cached_onnx, tmp_path_factory):
    """A store with the versions 1 and 2 of `letters` in the base format; tests change copies of it."""
    from export.publishing.publish import publish  # noqa: PLC0415 - imports slowly, and few tests need it

    store = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FORMATS, "onnx", cached_onnx)
        for version in ("1", "2"):
            publish(ExportRequest("letters", version, checkpoint), store)
    return store


@pytest.fixture
def store(published_store, tmp_path):
    """A copy of the published store."""
    return shutil.copytree(published_store, tmp_path / "store")
