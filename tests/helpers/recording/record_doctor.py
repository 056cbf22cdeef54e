"""Make the doctor's clips, and record the results of the training code for them.

    python -m tests.helpers.recording.record_doctor [--clips]

With `--clips` they are encoded anew; without, only the record is made, as after a new demo model.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from av.video.frame import VideoFrame

from clips.decoding.decode import decode
from clips.sampling import evaluation_indices
from service.doctor.golden import FOLDER, RECORD_FILE, GoldenArray, GoldenClip, GoldenRecord, GoldenStages
from service.store.model_store import sha256_of
from tests.helpers.paths import REPOSITORY
from tests.helpers.videos.clip_recipes import REALTIME, ClipRecipe, x264, x265
from tests.helpers.videos.make_clip import make_clip
from training.checkpoints.checkpoint import load_checkpoint
from training.data.dataset import read_views
from training.data.readers import VideoReader
from training.lists.item_list import ListItem
from training.model.tin import Normalise
from training.synthetic.motions import LABELS
from training.synthetic.studio import Studio

CHECKPOINT = REPOSITORY / "model_store" / "tin-motion" / "1" / "checkpoint.safetensors"
STAGES_FILE = "h264.mp4"
LABEL = 0
SEED = 2
EVERY_PIXEL, EVERY_NUMBER = 401, 2003

SIZE: dict[str, Any] = {"frames": 16, "width": 80, "height": 60, "gop": 24}
COARSE = {"qmin": "24", "qmax": "31", "b": "10k"}
MADE = {
    "H.264": x264("doctor", options={"bf": "2", "crf": "36"}, **SIZE),
    "HEVC": x265("doctor", "keyint=24:bframes=3:crf=38:info=0", **SIZE),
    "VP8": ClipRecipe("doctor", "webm", "libvpx", {"deadline": "realtime", "b": "30k", "qmin": "40"}, **SIZE),
    "VP9": ClipRecipe("doctor", "webm", "libvpx-vp9", REALTIME | {"crf": "48", "b": "0"}, **SIZE),
    "AV1": ClipRecipe("doctor", "mp4", "libsvtav1", {"preset": "12", "crf": "55", "svtav1-params": "lp=1"}, **SIZE),
    "MPEG-4": ClipRecipe("doctor", "avi", "mpeg4", COARSE | {"bf": "2"}, **SIZE),
    "MJPEG": ClipRecipe("doctor", "mov", "mjpeg", COARSE, pixels="yuvj420p", **SIZE | {"frames": 8}),
}


def file_of(codec: str) -> str:
    """Return the file name of a codec's clip, such as mpeg4.avi."""
    return f"{codec.lower().replace('.', '').replace('-', '')}.{MADE[codec].container}"


def film(recipe: ClipRecipe) -> Iterator[VideoFrame]:
    """Render an easy clip of LABEL, without noise, which would make the file large."""
    studio = Studio(SEED, num_textures=12)
    drawn = replace(studio.draw(LABEL, difficulty=0.0), width=recipe.width, height=recipe.height)
    for frame in drawn.frames(np.linspace(0, 1, recipe.frames), np.zeros_like(studio.noise)):
        yield VideoFrame.from_ndarray(frame, format="rgb24")


def make_record() -> GoldenRecord:
    """Record the golden values of the clips in FOLDER."""
    return GoldenRecord(clips=tuple(_record_clip(codec) for codec in MADE), stages=_record_stages())


def _record_clip(codec: str) -> GoldenClip:
    clip = decode(FOLDER / file_of(codec), lambda num_frames: evaluation_indices(num_frames, 8))
    frames = GoldenArray.of(np.stack(clip.images), EVERY_PIXEL)
    return GoldenClip(codec=codec, file=file_of(codec), num_frames=clip.video.frames, frames=frames)


@torch.inference_mode()
def _record_stages() -> GoldenStages:
    checkpoint = load_checkpoint(CHECKPOINT)
    item, spec = ListItem(FOLDER / STAGES_FILE, LABEL), checkpoint.clip
    clip = decode(item.path, lambda num_frames: evaluation_indices(num_frames, spec.num_frames))
    views = read_views(item, VideoReader(), spec)
    normalised = Normalise(spec)(torch.from_numpy(views))
    logits = checkpoint.build_model()(normalised)[0]
    return GoldenStages(
        file=STAGES_FILE,
        spec=spec,
        indices=clip.indices,
        frames=GoldenArray.of(np.stack(clip.images), EVERY_PIXEL),
        views=GoldenArray.of(views, EVERY_PIXEL),
        normalised=GoldenArray.of(normalised.numpy(), EVERY_NUMBER),
        checkpoint_sha256=sha256_of(CHECKPOINT),
        logits=logits.tolist(),
        label=LABELS[int(logits.argmax())],
    )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Make the doctor's record.")
    parser.add_argument("--clips", action="store_true", help="encode the clips anew as well")
    if parser.parse_args().clips:
        FOLDER.mkdir(exist_ok=True)
        for codec, recipe in MADE.items():
            (FOLDER / file_of(codec)).write_bytes(make_clip(recipe, film))
    (FOLDER / RECORD_FILE).write_text(make_record().model_dump_json() + "\n")


if __name__ == "__main__":
    main()
