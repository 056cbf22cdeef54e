"""A job: advanced by events, and ended by an exit code."""

from __future__ import annotations

from typing import Any

import pytest

from service.teaching.job import MAX_NOTES, Job, JobStatus, Plan, Progress, Validation

JOB = Job(id="secret", name="wave", started_at=100.0)

EVENTS: list[dict[str, Any]] = [
    {"event": "stage", "stage": "read", "text": "Reading"},
    {"event": "note", "text": "one clip was left out"},
    {"event": "clips", "classes": {"wave": 9, "clap": 7}, "train": 14, "validation": 2},
    {"event": "plan", "side": 128, "epochs": 40, "minutes": 15, "reason": "small"},
    {"event": "stage", "stage": "train", "text": "Training"},
    {"event": "progress", "stage": "train", "done": 120, "total": 800, "epoch": 3, "loss": 1.2, "eta_seconds": 75},
    {"event": "validation", "epoch": 3, "top1": 0.75, "best": 0.8},
    {"event": "note", "text": "184 tensors loaded"},
]
PUBLISHED = {"event": "published", "model": "wave", "version": "1", "accuracy": 0.93, "report": "r", "seconds": 120}


def job_after(*events: dict[str, Any]) -> Job:
    job = JOB
    for event in events:
        job = job.after(event)
    return job


def test_events_add_up() -> None:
    job = job_after(*EVENTS)
    assert job.stage == "train"
    assert (job.classes, job.train, job.validation) == ({"wave": 9, "clap": 7}, 14, 2)
    assert job.plan == Plan(side=128, epochs=40, minutes=15, reason="small")
    assert job.progress == Progress(done=120, total=800, epoch=3, loss=1.2, eta_seconds=75)
    assert job.validations == (Validation(epoch=3, top1=0.75, best=0.8),)
    assert job.notes == ("one clip was left out",)
    assert job.after({"event": "stage", "stage": "export", "text": ""}).progress is None
    assert Job.model_validate_json(job.model_dump_json()) == job


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "unknown"},
        {"event": "plan"},
        {"event": "note"},
        {"event": "stage", "stage": "party"},
        {"event": "clips", "classes": 3, "train": 1, "validation": 1},
        {"event": ["plan"]},
    ],
)
def test_an_event_that_makes_no_sense_changes_nothing(event: dict[str, Any]) -> None:
    assert JOB.after(event) == JOB


def test_the_first_error_is_the_cause() -> None:
    assert job_after({"event": "error", "text": "out of memory"}, {"event": "error", "text": "stopped"}).error == (
        "out of memory"
    )


def test_only_the_newest_notes_are_kept() -> None:
    notes = job_after(*({"event": "note", "text": str(number)} for number in range(100))).notes
    assert len(notes) == MAX_NOTES
    assert notes[-1] == "99"


def test_a_published_model_is_a_job_done_even_when_it_was_cancelled_too_late() -> None:
    job = job_after(*EVENTS, PUBLISHED)
    late = job.model_copy(update={"status": JobStatus.CANCELLING})
    for each in (job, late):
        ended = each.ended(-15, at=110.0, last_words="")
        assert (ended.status, ended.error, ended.ended_at) == (JobStatus.DONE, None, 110.0)


def test_a_cancelled_job_is_no_failure() -> None:
    ended = JOB.model_copy(update={"status": JobStatus.CANCELLING}).ended(-15, 110.0, "KeyboardInterrupt")
    assert (ended.status, ended.error) == (JobStatus.CANCELLED, None)


@pytest.mark.parametrize(
    ("events", "last_words", "error"),
    [
        ([{"event": "error", "text": "two classes are needed"}], "Traceback", "two classes are needed"),
        ([], "MemoryError", "MemoryError"),
        ([], "", "exit code 1"),
    ],
)
def test_a_failure_has_the_best_reason_there_is(events: list[dict[str, Any]], last_words: str, error: str) -> None:
    ended = job_after(*events).ended(1, 110.0, last_words)
    assert ended.status == JobStatus.FAILED
    assert error in str(ended.error)
