"""Videos of the comparison: ten made seconds with B-frames, the same in 720p, one without, and a damaged one."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.decoding.clips import NO_B, X264, moving_picture
from tests.helpers.videos.clip_recipes import ClipRecipe
from tests.helpers.videos.make_clip import make_clip

RECIPES = {
    "main": ClipRecipe("h264 340x256", options=X264, width=340, height=256, frames=250, gop=250),
    "large": ClipRecipe("h264 720p", options=X264, width=1280, height=720, frames=250, gop=250),
    "plain": ClipRecipe("h264 340x256 no B", options=NO_B, width=340, height=256, frames=250, gop=25),
}


def make_videos(folder: Path, *, with_large: bool) -> dict[str, Path]:
    """Write the videos to a folder; return their paths: `main`, `large`, `plain`, `damaged`."""
    names = [name for name in RECIPES if with_large or name != "large"]
    paths = {name: folder / f"{name}.mp4" for name in (*names, "damaged")}
    for name in names:
        paths[name].write_bytes(make_clip(RECIPES[name], moving_picture))
    whole = paths["main"].read_bytes()
    paths["damaged"].write_bytes(whole[: len(whole) // 2])
    return paths
