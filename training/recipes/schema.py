"""Schema of recipes: sections, keys and valid values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from clips.clip_spec import View
from training.model.interlace_ops import Backward
from training.model.tin import Temporal


class Section(BaseModel):
    """Base of all sections: immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSection(Section):
    """The network and its initialisation."""

    num_classes: int = Field(ge=1)
    depth: int
    width: float = 1.0
    temporal: Temporal = Temporal.TIN
    dropout: float = Field(default=0.0, ge=0, lt=1)
    initial_offset: float = Field(default=0.5, gt=-2, lt=2)
    """Initial prediction of every OffsetNet, in frames."""
    pretrained: str | None = None
    """Initial weights: a name of `tin zoo list`, hf://owner/name[@revision], or a .pth or .safetensors file."""


class AccurateSection(Section):
    """Views of a validation clip in the test protocol `accurate`."""

    view: View
    clips: int = Field(default=1, ge=1, le=2)
    crop: int | None = Field(default=None, ge=1)
    """Side of the crops in pixels; that of `clip` if not given."""


class InterlaceSection(Section):
    """Training of the interlacing modules."""

    backward: Backward = Backward.ADJOINT


class CropSection(Section):
    """Random crops for training. MMAction2: `MultiScaleCrop`."""

    scales: tuple[float, ...] = Field(min_length=1)
    fixed_offsets: Literal[5, 13]


class _Data(Section):
    batch_size: int = Field(ge=1)
    """Clips per process, that is, per GPU. MMAction2: `videos_per_gpu`."""


class Lesson(Section):
    """A stage of the curriculum, from an epoch on: image side in pixels, difficulty of rendered clips from 0 to 1."""

    from_epoch: int = Field(ge=0)
    side: int = Field(ge=32)
    difficulty: float = Field(ge=0, le=1)


def _ordered(lessons: tuple[Lesson, ...]) -> tuple[Lesson, ...]:
    starts = [lesson.from_epoch for lesson in lessons]
    if starts[0] != 0 or starts != sorted(set(starts)):
        raise ValueError(f"the first lesson must be from epoch 0 and each later one from a later epoch, not {starts}")
    return lessons


class SyntheticSection(_Data):
    """Clips rendered during training."""

    kind: Literal["synthetic"]
    workers: int = Field(ge=0)
    """Data-loading worker processes per training process, on which the rendered clips depend."""
    steps_per_epoch: int = Field(ge=1)
    validation_clips: int = Field(ge=1)
    shuffled_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of motions with frames in random order, whose target is the uniform distribution."""
    gestures_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of examples that are gestures of figures: a second task, whose classes the checkpoint leaves out."""
    lessons: Annotated[tuple[Lesson, ...], Field(min_length=1), AfterValidator(_ordered)]

    def lesson(self, epoch: int) -> Lesson:
        """Return the lesson of an epoch."""
        return [lesson for lesson in self.lessons if lesson.from_epoch <= epoch][-1]


def _number_or_auto(workers: object) -> object:
    if workers == "auto" or (type(workers) is int and workers >= 0):
        return workers
    raise ValueError('must be "auto" or a number from 0 on')


class _ListedData(_Data):
    workers: Annotated[int | Literal["auto"], PlainValidator(_number_or_auto)]
    """Data-loading worker processes per training process; they change only the speed."""
    root: Path
    """The folder that the lists' names are relative to."""
    train: Path
    validation: Path
    labels: Path
    """Class names, one a line."""
    crops: CropSection
    flip: float = Field(ge=0, le=1)
    """Probability of a horizontal flip; 0 if labels depend on left and right."""
    shortest_excerpt: float = Field(default=1.0, gt=0, le=1)
    """Smallest share of a clip that training takes its frames from, at random; 1 for all of it, as published."""
    colour_jitter: float = Field(default=0.0, ge=0, lt=1)
    """Strength of random changes of brightness, contrast and tint; 0 for none, as published."""
    max_unreadable: int = Field(ge=0)
    """Limit of unreadable items in one process, beyond which the run stops."""


def _numbered(file_name: str) -> str:
    try:
        if file_name.format(1) != file_name.format(2):
            return file_name
    except (IndexError, KeyError, ValueError):
        pass
    raise ValueError('must contain a format for the number, such as "img_{:05}.jpg"')


class FramesSection(_ListedData):
    """Folders of JPEG frames, in lists of `name num_frames label`."""

    kind: Literal["frames"]
    file_name: Annotated[str, AfterValidator(_numbered)]
    """Format of a frame's file name by its number from 1, such as "{:05}.jpg"."""


class VideosSection(_ListedData):
    """Video files, in lists of `name label`."""

    kind: Literal["videos"]
    cache: bool = False
    """Keep decoded frames in a temporary file, so that each video is decoded once; for small sets."""


class SgdSection(Section):
    """SGD with TSM's parameter groups."""

    kind: Literal["sgd"]
    lr: float = Field(gt=0)
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    fc_lr5: bool
    """Five times the rate for the head, ten times for its bias. MMAction2: `paramwise_cfg=dict(fc_lr5=True)`."""
    clip_grad_norm: float = Field(gt=0)
    total_batch: int = Field(ge=1)
    """Total batch size over all processes that `lr` is tuned for, the reference of `--auto-scale-lr`."""


class MuonSection(Section):
    """Muon for the convolutions, AdamW for everything else."""

    kind: Literal["muon"]
    muon_lr: float = Field(gt=0)
    muon_momentum: float = Field(ge=0, lt=1)
    muon_weight_decay: float = Field(ge=0)
    adamw_lr: float = Field(gt=0)
    adamw_weight_decay: float = Field(ge=0)
    clip_grad_norm: float = Field(gt=0)
    total_batch: int = Field(ge=1)


class CosineSchedule(Section):
    """Half a cosine over the run, by epoch or step, after a linear warm-up. MMCV: `CosineAnnealing`."""

    kind: Literal["cosine"]
    by: Literal["epoch", "step"]
    floor: float = Field(default=0.0, ge=0, lt=1)
    """Final factor on the learning rates."""
    warmup_epochs: int = Field(default=0, ge=0)
    warmup_from: float = Field(default=0.1, gt=0, le=1)


class StepsSchedule(Section):
    """Multiplication of the learning rates by `factor` at each of the epochs. MMCV: `policy="step"`."""

    kind: Literal["steps"]
    epochs: tuple[int, ...]
    factor: float = Field(gt=0, lt=1)


class LinearSchedule(Section):
    """Linear warm-up in `warmup_steps`, constant rates, then linear decay to zero from a share of the run on."""

    kind: Literal["linear"]
    warmup_steps: int = Field(ge=0)
    decay_from: float = Field(ge=0, lt=1)


DataSection = SyntheticSection | FramesSection | VideosSection
OptimSection = SgdSection | MuonSection
ScheduleSection = CosineSchedule | StepsSchedule | LinearSchedule
