"""A training job: its state as the page shows it, advanced by the events of `tin finetune --json`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_NOTES = 20


class JobStatus(StrEnum):
    """State of a job; `cancelling` lasts until its process has ended."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}

Stage = Literal["start", "read", "train", "evaluate", "export", "publish"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Plan(_Frozen):
    """The budget of a training; `side` is the input's, in pixels."""

    side: int
    epochs: int
    minutes: float
    reason: str = ""


class Progress(_Frozen):
    """Work done of a stage, in steps."""

    done: int
    total: int
    epoch: int | None = None
    loss: float | None = None
    eta_seconds: float | None = None


class Validation(_Frozen):
    """Top-1 accuracy on the validation clips after an epoch, and the best so far."""

    epoch: int
    top1: float
    best: float


class Published(_Frozen):
    """The new version; `accuracy` is that of its validation clips, `report` the path of its report."""

    model: str
    version: str
    accuracy: float | None = None
    report: str | None = None
    seconds: float | None = None


class Clips(_Frozen):
    """The clips of each class, and how many are trained on and validated with."""

    classes: dict[str, int]
    train: int
    validation: int


class StageEvent(_Frozen):
    """A stage that begins; its text names folders of the machine and is left out."""

    stage: Stage


_MODELS: dict[str, type[_Frozen]] = {"plan": Plan, "progress": Progress, "published": Published}


class Job(_Frozen):
    """One training, from its start to its end; times are in Unix seconds."""

    id: str = Field(description="Unguessable: whoever knows it may read the report")
    name: str = Field(description="The model's name")
    started_at: float
    ended_at: float | None = None
    status: JobStatus = JobStatus.RUNNING
    stage: Stage = "start"
    classes: dict[str, int] = {}
    train: int | None = None
    validation: int | None = None
    plan: Plan | None = None
    progress: Progress | None = None
    validations: tuple[Validation, ...] = ()
    notes: tuple[str, ...] = Field(default=(), description="Of the takes, such as one that is left out")
    published: Published | None = None
    error: str | None = None

    @property
    def has_ended(self) -> bool:
        """True once its process has ended."""
        return self.status in ENDED

    def after(self, event: dict[str, Any]) -> Job:
        """Return the job after an event; one that is unknown or malformed changes nothing."""
        try:
            return self.model_copy(update=self._changes(event))
        except (ValidationError, KeyError, TypeError, ValueError):
            return self

    def ended(self, exit_code: int, at: float, last_words: str) -> Job:
        """Return the job after the end of its process.

        Args:
            exit_code: Of the process; negative for a signal.
            at: Unix time in seconds.
            last_words: The end of what the process wrote to its log, for a failure without an error event.
        """
        if self.published:
            status, error = JobStatus.DONE, None
        elif self.status == JobStatus.CANCELLING:
            status, error = JobStatus.CANCELLED, None
        else:
            status = JobStatus.FAILED
            error = self.error or last_words or f"the training ended without a model, exit code {exit_code}"
        return self.model_copy(update={"status": status, "error": error, "ended_at": at})

    def _changes(self, event: dict[str, Any]) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        match kind := event.get("event"):
            case "plan" | "progress" | "published":
                changes[kind] = _MODELS[kind].model_validate(event)
            case "clips":
                changes |= dict(Clips.model_validate(event))
            case "stage":
                changes |= dict(StageEvent.model_validate(event)) | {"progress": None}
            case "validation":
                changes["validations"] = (*self.validations, Validation.model_validate(event))
            case "note" if self.stage in {"start", "read"}:  # later ones are of files and tensors
                changes["notes"] = (*self.notes, str(event["text"]))[-MAX_NOTES:]
            case "error":
                changes["error"] = self.error or str(event["text"])  # the first is the cause
        return changes
