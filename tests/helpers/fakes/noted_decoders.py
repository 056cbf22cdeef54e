"""The decoders that a pool starts, for a test to look at and to harm."""

from types import ModuleType

import pytest

from service.decoding.process import Decoder


def note_decoders(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[Decoder]:
    """A list that grows by each decoder which `module` starts from now on."""
    decoders: list[Decoder] = []

    def start(max_memory_bytes: int) -> Decoder:
        decoders.append(Decoder(max_memory_bytes))
        return decoders[-1]

    monkeypatch.setattr(module, "Decoder", start)
    return decoders
