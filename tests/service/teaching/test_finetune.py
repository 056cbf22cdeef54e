"""Teaching with the real `tin finetune`: takes become a model that answers."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from clips.preprocess import preprocess
from export.formats.catalogue import ExportRequest
from export.publishing.publish import publish
from service.config.settings import Settings
from service.models.open_model import open_model
from service.teaching.job import Job, JobStatus
from service.teaching.teaching import Teaching
from tests.helpers.paths import REPOSITORY
from tests.helpers.training.action_clips import make_action_clips
from training.checkpoints.checkpoint import Checkpoint

MODEL = "moves"
MINUTES = 0.2


@pytest.fixture
def store(tmp_path: Path, checkpoint: Checkpoint) -> Path:
    """A store with a small network."""
    publish(ExportRequest("letters", "1", checkpoint), tmp_path / "store", ["onnx"])
    return tmp_path / "store"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Clips of two actions."""
    return make_action_clips(tmp_path / "clips", 5)


async def trained(teaching: Teaching, clips: Path) -> Job:
    """The job of a training on the clips, after its end."""
    for folder in sorted(clips.iterdir()):
        teaching.takes.add_action(folder.name)
        for clip in sorted(folder.iterdir()):
            teaching.takes.add_take(folder.name, clip.read_bytes(), "mov,mp4", b"jpeg")
    await teaching.start(MODEL, base="letters")
    while teaching.job is None or not teaching.job.has_ended:
        await teaching.changed(1.0)
    return teaching.job


def test_takes_become_a_model_that_answers(store: Path, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "taught").mkdir()

    async def main() -> Job:
        teaching = Teaching(
            tmp_path / "taught", max_bytes=10**8, store=store, minutes=MINUTES, count=lambda status: None
        )
        return await trained(teaching, clips)

    job = asyncio.run(main())
    assert job.status == JobStatus.DONE, job.error
    assert job.classes == {"left": 5, "right": 5}
    assert job.plan is not None
    assert job.plan.minutes == MINUTES
    assert job.validations
    assert "left" in (tmp_path / "taught" / "job" / "report.html").read_text()
    with closing((model := open_model(Settings(model_store=store), MODEL)).backend):
        assert model.labels == ("left", "right")
        settings = Settings()
        views = preprocess(clips / "left" / "take 0.mp4", model.spec, settings.decode_limits()).views
        assert model.probabilities(model.backend.infer(views).logits).shape == (2,)
    assert not (REPOSITORY / "work-dirs" / f"{MODEL}-1").exists()
