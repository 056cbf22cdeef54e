"""Hostile uploads by kind, as many as wanted: damaged and deceitful videos, bombs, forms, JSON, HTTP, /v2."""

from __future__ import annotations

from collections.abc import Iterator

from tests.helpers.hostile import files, forms, json_bodies, protocol, requests
from tests.helpers.hostile.exchange import post
from tests.helpers.videos.clip_recipes import CLIPS
from tests.helpers.videos.make_clip import make_clip
from tests.helpers.videos.not_videos import not_videos

LARGEST_CLIP = 60_000
"""In bytes; larger ones take long to send and to damage."""

HARMLESS = ("other kinds", "forms", "mangled forms", "JSON", "mangled JSON", "HTTP", "/v2", "mangled /v2")
"""Kinds without any video that could still be decoded, so none may be answered with a prediction."""


def uploads(number: int, canary: str, address: str) -> dict[str, Iterator[bytes]]:
    """Return the requests of each kind, made as they are needed.

    Args:
        number: of all those whose number is free, which are nearly all.
        canary: path of a file that deceitful videos refer to.
        address: host and port that they refer to.
    """
    clips = [data for data in map(make_clip, CLIPS) if len(data) <= LARGEST_CLIP]
    deceitful = files.deceitful(clips[0], canary, address)
    raw = requests.malformed() | requests.both_framings() | requests.useless()
    return {
        "damaged": map(post, files.damaged(clips, number * 45 // 100)),
        "headless": map(post, files.headless(clips, number * 9 // 100)),
        "bombs": map(post, files.variants(files.bombs(clips[0]), number * 5 // 100)),
        "deceitful": map(post, files.variants(deceitful, number * 9 // 100)),
        "other kinds": map(post, files.variants(files.other_kinds(not_videos()), number * 9 // 100)),
        "forms": (post(body, kind) for kind, body in forms.forms().values()),
        "mangled forms": (post(body, kind) for kind, body in forms.mangled(number * 18 // 100)),
        "JSON": (post(body, kind) for kind, body in json_bodies.bodies().values()),
        "mangled JSON": (post(body, kind) for kind, body in json_bodies.mangled(number * 5 // 100)),
        "HTTP": iter(raw.values()),
        "/v2": protocol.requests(),
        "mangled /v2": protocol.mangled(number * 3 // 100),
    }
