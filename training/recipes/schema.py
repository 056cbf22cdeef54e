"""The sections of a recipe: what each number is, and what it may be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from training.model.interlace_ops import Backward
from training.model.tin import Temporal


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSection(Section):
    """The network, and how it starts."""

    num_classes: int = Field(ge=1)
    depth: int
    width: float = 1.0
    temporal: Temporal = Temporal.TIN
    dropout: float = Field(default=0.0, ge=0, lt=1)
    initial_offset: float = Field(default=0.5, gt=-2, lt=2)
    """What every OffsetNet answers before training, in frames."""
    pretrained: str | None = None
    """The initial weights: a name in `training.checkpoints.zoo_catalogue`, or a .pth or .safetensors file."""


class InterlaceSection(Section):
    """How interlacing is trained."""

    backward: Backward = Backward.ADJOINT


class CropSection(Section):
    """Which rectangles training cuts out. MMAction2: `MultiScaleCrop`."""

    scales: tuple[float, ...] = Field(min_length=1)
    fixed_offsets: Literal[5, 13]


class _Data(Section):
    batch_size: int = Field(ge=1)
    """Clips of one process (of one GPU, as MMAction2's `videos_per_gpu`)."""
    workers: int = Field(ge=0)
    """Processes that load data, for each process that trains."""


class Lesson(Section):
    """From an epoch on: the picture's side in pixels, and the rendered clips' difficulty from 0 to 1."""

    from_epoch: int = Field(ge=0)
    side: int = Field(ge=32)
    difficulty: float = Field(ge=0, le=1)


def _ordered(lessons: tuple[Lesson, ...]) -> tuple[Lesson, ...]:
    starts = [lesson.from_epoch for lesson in lessons]
    if starts[0] != 0 or starts != sorted(set(starts)):
        raise ValueError(f"the first lesson must be from epoch 0 and each later one from a later epoch, not {starts}")
    return lessons


class SyntheticSection(_Data):
    """Clips that are rendered while training."""

    kind: Literal["synthetic"]
    steps_per_epoch: int = Field(ge=1)
    validation_clips: int = Field(ge=1)
    shuffled_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of examples whose frames are in random order and which teach that no action is likelier than another."""
    lessons: Annotated[tuple[Lesson, ...], Field(min_length=1), AfterValidator(_ordered)]

    def lesson(self, epoch: int) -> Lesson:
        """The lesson that an epoch belongs to."""
        return [lesson for lesson in self.lessons if lesson.from_epoch <= epoch][-1]


class _ListedData(_Data):
    root: Path
    """Where the lists' names are looked up."""
    train: Path
    validation: Path
    labels: Path
    """The classes' names, one a line."""
    crops: CropSection
    flip: float = Field(ge=0, le=1)
    """Probability of a mirrored clip; 0 where left and right are labels."""
    max_unreadable: int = Field(ge=0)
    """The run stops when one process has met more items than this that cannot be read."""


def _numbered(file_name: str) -> str:
    try:
        if file_name.format(1) != file_name.format(2):
            return file_name
    except (IndexError, KeyError, ValueError):
        pass
    raise ValueError('must hold the place of one number, as "img_{:05}.jpg" does')


class FramesSection(_ListedData):
    """Folders of JPEGs, in lists of `name num_frames label`."""

    kind: Literal["frames"]
    file_name: Annotated[str, AfterValidator(_numbered)]
    """Such as "{:05}.jpg"; the first frame is number 1."""


class VideosSection(_ListedData):
    """Video files, in lists of `name label`."""

    kind: Literal["videos"]


class SgdSection(Section):
    """SGD over the parameter groups of TSM."""

    kind: Literal["sgd"]
    lr: float = Field(gt=0)
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    fc_lr5: bool
    """The head learns five times as fast, its bias ten times. MMAction2: `paramwise_cfg=dict(fc_lr5=True)`."""
    clip_grad_norm: float = Field(gt=0)
    total_batch: int = Field(ge=1)
    """Clips of all processes together that `lr` is meant for; what `--auto-scale-lr` scales from."""


class MuonSection(Section):
    """Muon moves the convolutions, AdamW everything else."""

    kind: Literal["muon"]
    muon_lr: float = Field(gt=0)
    muon_momentum: float = Field(ge=0, lt=1)
    muon_weight_decay: float = Field(ge=0)
    adamw_lr: float = Field(gt=0)
    adamw_weight_decay: float = Field(ge=0)
    clip_grad_norm: float = Field(gt=0)
    total_batch: int = Field(ge=1)


class CosineSchedule(Section):
    """Half a cosine over the run, by epoch or by step, after a linear warm-up. MMCV: `CosineAnnealing`."""

    kind: Literal["cosine"]
    by: Literal["epoch", "step"]
    floor: float = Field(default=0.0, ge=0, lt=1)
    """What the rates would fall to at the end, as a share of them."""
    warmup_epochs: int = Field(default=0, ge=0)
    warmup_from: float = Field(default=0.1, gt=0, le=1)


class StepsSchedule(Section):
    """The rates are multiplied by `factor` at each of the epochs. MMCV: `policy="step"`."""

    kind: Literal["steps"]
    epochs: tuple[int, ...]
    factor: float = Field(gt=0, lt=1)


class LinearSchedule(Section):
    """Up from zero in `warmup_steps`, then level, then down to zero from a share of the run on."""

    kind: Literal["linear"]
    warmup_steps: int = Field(ge=0)
    decay_from: float = Field(ge=0, lt=1)


DataSection = SyntheticSection | FramesSection | VideosSection
OptimSection = SgdSection | MuonSection
ScheduleSection = CosineSchedule | StepsSchedule | LinearSchedule
