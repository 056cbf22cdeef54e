"""Fixtures of the export's tests: a request to export the small network, and a store with two versions of it."""

import shutil

import pytest

from export.formats.catalogue import ExportRequest
from export.graph import onnx_export
from tests.helpers.graphs.skeletons import kept_in, session_folder


@pytest.fixture(scope="session", autouse=True)
def shared_skeletons(tmp_path_factory):
    """Networks are traced once for all test processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_export, "skeleton", kept_in(session_folder(tmp_path_factory), onnx_export.skeleton))
        yield


@pytest.fixture
def export_request(checkpoint):
    """The small network as version 1 of the model `letters`."""
    return ExportRequest("letters", "1", checkpoint)


@pytest.fixture(scope="session")
def published_store(checkpoint, tmp_path_factory):
    """A store with the versions 1 and 2 of `letters` in the base format; tests change copies of it."""
    from export.publishing.publish import publish  # noqa: PLC0415 - imports slowly, and few tests need it

    store = tmp_path_factory.mktemp("published")
    for version in ("1", "2"):
        publish(ExportRequest("letters", version, checkpoint), store)
    return store


@pytest.fixture
def store(published_store, tmp_path):
    """A copy of the published store."""
    return shutil.copytree(published_store, tmp_path / "store")
