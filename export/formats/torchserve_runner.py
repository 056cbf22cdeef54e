"""Backend that runs a TorchServe archive in this process: calls its own handler as a TorchServe worker would."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs
from service.backends.contract import known_outputs


class ArchiveBackend:
    """A `Backend` for a .mar file. Raises BackendUnavailable when the archive cannot be loaded.

    The handler's context is an object of TorchServe's own class, so the package torchserve must be installed (no Java).

        ArchiveBackend(Path("model.mar")).infer(clips).logits
    """

    max_batch_size = 1

    def __init__(self, archive: Path) -> None:
        if importlib.util.find_spec("ts") is None:
            raise BackendUnavailable("torchserve is not installed; install tin-serve[torchserve]")
        self._folder = tempfile.TemporaryDirectory(prefix="archive-")
        try:
            self._handler = self._start(archive)
        except Exception as error:  # a handler may raise anything while it loads, and TorchServe catches all of it
            self.close()
            raise BackendUnavailable(f"{archive.name} cannot be loaded: {error}") from error

    def answer(self, bodies: Sequence[bytes]) -> list[tuple[int, dict[str, Any]]]:
        """Return HTTP status and JSON of each request body; all of them form one TorchServe batch."""
        context = self._context(len(bodies))
        answers = self._handler.handle([{"body": bytearray(body)} for body in bodies], context)
        return [(context.get_response_status(index)[0], json.loads(text)) for index, text in enumerate(answers)]

    def infer(self, clips: Clips) -> Outputs:
        """Run uint8 clips [N, T, H, W, 3], each as one request of a batch. Raises InferenceFailed."""
        try:
            answers = self.answer([clip.tobytes() for clip in clips])
        except Exception as error:
            raise InferenceFailed(f"the archive's handler failed: {error}") from error
        refusals = [answer["error"] for status, answer in answers if status != 200]
        if refusals:
            raise InferenceFailed(f"the archive's handler refused a clip: {refusals[0]}")
        names = known_outputs(answers[0][1])
        return Outputs(**{name: np.array([answer[name][0] for _, answer in answers], np.float32) for name in names})

    def close(self) -> None:
        """Remove the unpacked archive."""
        self._folder.cleanup()

    def _start(self, archive: Path) -> Any:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(self._folder.name)
        self._manifest = json.loads(Path(self._folder.name, "MAR-INF", "MANIFEST.json").read_text())
        handler = _import_file(Path(self._folder.name, self._manifest["model"]["handler"])).ClipHandler()
        handler.initialize(self._context(0))
        return handler

    def _context(self, num_requests: int) -> Any:
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            from ts.context import Context, RequestProcessor  # noqa: PLC0415 - optional, and leaves a file open
        model = self._manifest["model"]
        context = Context(model["modelName"], self._folder.name, self._manifest, num_requests, None, "")
        context.request_processor = [RequestProcessor({}) for _ in range(num_requests)]
        return context


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
