"""Skeletons of exported graphs in a folder that the test processes of a session share: tracing one takes seconds."""

import fcntl
import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """Return a folder of this session that all of its processes see."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "skeletons"
    folder.mkdir(exist_ok=True)
    return folder


def kept_in(folder: Path, make: Callable[..., onnx.ModelProto]) -> Callable[..., onnx.ModelProto]:
    """Return `make` with a memory in the folder: a skeleton is made by the first process that needs it."""

    @functools.cache
    def skeleton(*key: Any) -> onnx.ModelProto:
        path = folder / f"{hashlib.sha256(repr(key).encode()).hexdigest()}.onnx"
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                onnx.save(make(*key), path)
        return onnx.load(path)

    return skeleton
