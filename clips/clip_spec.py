"""ClipSpec: a model's preprocessing parameters. They travel with the model, so nobody types the numbers twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class View(StrEnum):
    """The part of each frame that the model sees."""

    CENTRE = "centre"
    """Short side scaled to `short_side`, then the central `crop` x `crop` square (MMAction2: `CenterCrop`)."""
    THREE = "three"
    """Short side scaled to `crop`, then first, last and middle square along the long side (MMAction2: `ThreeCrop`)."""
    TEN = "ten"
    """Short side scaled to `short_side`, then corners and centre, each also mirrored (MMAction2: `TenCrop`)."""
    SQUEEZE = "squeeze"
    """The whole frame squeezed to `crop` x `crop`; the aspect ratio is not kept."""


NUM_CROPS = {View.CENTRE: 1, View.THREE: 3, View.TEN: 10, View.SQUEEZE: 1}

Channels = tuple[float, float, float]
"""One value each for red, green and blue."""


@dataclass(frozen=True, kw_only=True)
class ClipSpec:
    """A model's input: `num_frames` RGB frames, scaled, cropped and normalised.

        ClipSpec(crop=256, view=View.THREE, clips=2).num_views    # 6

    `short_side` and `crop` are in pixels. `clips` is 1, or 2 to sample a video twice (MMAction2: `twice_sample`).
    `mean` and `std` are per RGB channel on the scale 0 to 255 (ImageNet's by default). Raises ValueError, naming the
    field, for a value out of range.
    """

    num_frames: int = 8
    short_side: int = 256
    crop: int = 224
    view: View = View.CENTRE
    clips: int = 1
    mean: Channels = (123.675, 116.28, 103.53)
    std: Channels = (58.395, 57.12, 57.375)

    def __post_init__(self) -> None:
        object.__setattr__(self, "view", View(self.view))
        object.__setattr__(self, "mean", _channels("mean", self.mean))
        object.__setattr__(self, "std", _channels("std", self.std))
        for name in ("num_frames", "short_side", "crop"):
            side = getattr(self, name)
            if not isinstance(side, int) or not 1 <= side <= 4096:
                raise ValueError(f"ClipSpec.{name} must be an integer from 1 to 4096, not {side!r}")
        if self.clips not in {1, 2}:
            raise ValueError(f"ClipSpec.clips must be 1 or 2, not {self.clips!r}")
        if self.view in {View.CENTRE, View.TEN} and self.crop > self.short_side:
            raise ValueError(f"ClipSpec.crop {self.crop} is larger than short_side {self.short_side}")
        if min(self.std) <= 0:
            raise ValueError(f"ClipSpec.std must be positive, not {self.std}")

    @property
    def num_views(self) -> int:
        """Model inputs of one video: the squares cut from each frame, for each sampled clip."""
        return self.num_crops * self.clips

    @property
    def num_crops(self) -> int:
        """Squares cut from each frame."""
        return NUM_CROPS[self.view]

    @property
    def num_sampled(self) -> int:
        """Frames sampled from one video, all clips together."""
        return self.num_frames * self.clips

    def describe_views(self) -> str:
        """Return the views in words, such as "2 clips x 3 crops of 256 x 256"."""
        clips, crops = _counted(self.clips, "clip"), _counted(self.num_crops, "crop")
        return f"{clips} x {crops} of {self.crop} x {self.crop}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> ClipSpec:
        """Make a spec from the fields of `to_json`; raise ValueError or TypeError for malformed or unknown ones."""
        return cls(**fields)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _channels(name: str, values: Any) -> Channels:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
