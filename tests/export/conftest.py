import dataclasses
import hashlib

import pytest

from export.formats.catalogue import FORMATS, ExportRequest


@pytest.fixture
def subject(checkpoint):
    return ExportRequest("letters", "1", checkpoint)


@pytest.fixture(scope="session")
def remembered():
    """The base format, which exports equal weights once only: an export takes seconds."""
    base, graphs = FORMATS["onnx"], {}

    def make(subject, folder):
        tensors = sorted(subject.checkpoint.tensors.items())
        key = hashlib.sha256(b"".join(tensor.numpy().tobytes() for _, tensor in tensors)).digest()
        if key not in graphs:
            graphs[key] = base.make(subject, folder)
        return graphs[key]

    return dataclasses.replace(base, make=make)


@pytest.fixture
def quick(monkeypatch, remembered):
    """Exports to the base format are remembered."""
    monkeypatch.setitem(FORMATS, "onnx", remembered)
