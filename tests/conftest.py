"""Fixtures for tests of several packages: real video files, made with real encoders, and a small network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import service  # noqa: F401 - keeps ONNX Runtime quiet in tests that import it themselves
from clips.clip_spec import ClipSpec, View
from tests.helpers.servers.hub import TOKEN
from tests.helpers.slow_tests import SLOW_TESTS
from tests.helpers.training.networks import lively
from tests.helpers.videos.encoded import encode
from tests.helpers.videos.moving_square import moving_square
from tests.helpers.videos.not_videos import not_videos
from training.checkpoints.checkpoint import Checkpoint
from training.model.tin import Architecture
from training.synthetic.video_encoder import ENCODINGS, Encoding, encode_video

H264 = ENCODINGS[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests, which `make test-fast` leaves out."""
    for item in items:
        if item.nodeid.startswith(SLOW_TESTS):
            item.add_marker("slow")


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a moving square to a file, given number of frames, encoding and frame size."""

    def make(num_frames: int = 20, encoding: Encoding = H264, width: int = 96, height: int = 64) -> Path:
        path = tmp_path / f"{num_frames}-{encoding.encoder}.{encoding.container}"
        path.write_bytes(encode_video(moving_square(num_frames, width, height), encoding, 25))
        return path

    return make


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """A small untrained network of six classes."""
    torch.manual_seed(0)
    architecture = Architecture(num_classes=6, depth=18, width=0.25)
    spec = ClipSpec(crop=32, view=View.SQUEEZE)
    model = lively(architecture)
    return Checkpoint(architecture, spec, tuple("abcdef"), model.state_dict(), {"metrics": {}})


@pytest.fixture(scope="session")
def videos() -> dict[str, bytes]:
    """Real videos, by extension: 40 frames of blue at 25 frames per second; the AVI has B-frames."""
    return {
        "mp4": encode("mp4", "libx264", 40),
        "avi": encode("avi", "mpeg4", 40, max_b_frames=2),
        "mov": encode("mov", "libx264", 40),
        "short.mp4": encode("mp4", "libx264", 3),
        "large.mp4": encode("mp4", "libx264", 2, width=1280, height=720),
    }


@pytest.fixture(scope="session", name="not_videos")
def make_not_videos() -> dict[str, bytes]:
    """Files that users send instead of a video, by kind."""
    return not_videos()


@pytest.fixture
def hub_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Return a function that points the hub's client in this process at a server, with its token and an empty cache."""
    from huggingface_hub import constants  # noqa: PLC0415 - few tests need it

    def use(address: str) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        # Its other protocol of uploads, Xet, has no stand-in.
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)

    return use
