"""Checks of the pipeline from a video to the model's input, stage by stage against golden values of training."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clips.decoding.decode import DecodedClip, decode
from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from clips.sampling import evaluation_indices
from clips.transforms import normalise
from service.backends.base import Clips
from service.doctor.check import Check, CheckFailed
from service.doctor.golden import FOLDER, GoldenArray, GoldenClip, GoldenStages
from service.store.model_store import listed

MAX_COLOUR_DIFFERENCE = 3.0
"""Of 255. CPUs may round differently in the conversion from YUV to RGB and in scaling; another frame, or one that is
decoded wrongly, differs by tens."""

MAX_NORMALISED_DIFFERENCE = MAX_COLOUR_DIFFERENCE / 50

REINSTALL = "install exactly what constraints.txt lists: remove .venv and run `make serve`"


def codec_checks(clips: tuple[GoldenClip, ...]) -> Iterator[Check]:
    """Yield a check per codec: its clip decodes to the golden frames."""
    for clip in clips:
        yield Check(f"codec: {clip.codec}", partial(_decode, clip), REINSTALL)


def stage_checks(stages: GoldenStages) -> Iterator[Check]:
    """Yield a check per stage before the model: sampling, decoding, resizing, normalising."""
    yield Check("stage: indices", partial(_sample, stages), REINSTALL)
    yield Check("stage: RGB frames", partial(_show, stages), REINSTALL)
    yield Check("stage: resize", partial(_scale, stages), REINSTALL)
    yield Check("stage: normalise", partial(_normalise, stages), REINSTALL)


def served_views(stages: GoldenStages) -> Clips:
    """Preprocess the golden clip as serving does: uint8 [V, T, crop, crop, 3]."""
    return preprocess(FOLDER / stages.file, stages.spec, DecodeLimits()).views


def _decode(clip: GoldenClip) -> str:
    decoded = decode(FOLDER / clip.file, partial(evaluation_indices, num_segments=clip.frames.shape[0]))
    if decoded.video.frames != clip.num_frames:
        raise CheckFailed(f"{clip.file} has {clip.num_frames} frames, but {decoded.video.frames} were decoded")
    return _judge(clip.frames, np.stack(decoded.images), MAX_COLOUR_DIFFERENCE)


def _sample(stages: GoldenStages) -> str:
    indices = _decoded(stages).indices
    found, expected = listed(map(str, indices)), listed(map(str, stages.indices))
    if indices != stages.indices:
        raise CheckFailed(f"frames {found} are sampled, but {expected} in training")
    return f"frames {found}"


def _show(stages: GoldenStages) -> str:
    return _judge(stages.frames, np.stack(_decoded(stages).images), MAX_COLOUR_DIFFERENCE)


def _scale(stages: GoldenStages) -> str:
    return _judge(stages.views, served_views(stages), MAX_COLOUR_DIFFERENCE)


def _normalise(stages: GoldenStages) -> str:
    normalised = normalise(served_views(stages), stages.spec)
    return _judge(stages.normalised, normalised, MAX_NORMALISED_DIFFERENCE)


def _decoded(stages: GoldenStages) -> DecodedClip:
    return decode(FOLDER / stages.file, partial(evaluation_indices, num_segments=stages.spec.num_frames))


def _judge(recorded: GoldenArray, array: NDArray[Any], tolerance: float) -> str:
    difference = recorded.difference(array)
    if not difference <= tolerance:
        raise CheckFailed(f"differs by up to {difference:.3g} from training")
    return "equal to the bit" if difference == 0 else f"rounded differently, by up to {difference:.3g}"
