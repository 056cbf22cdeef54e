"""Decoders that a pool starts, listed for tests that inspect or kill them."""

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
