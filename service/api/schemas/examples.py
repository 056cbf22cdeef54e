"""Sample answers for the OpenAPI document: of a demo model for the page's example clip, and problems.

Digest and probabilities are those of one publication: later models answer with other numbers in the same form.
"""

from __future__ import annotations

from typing import Any

_MODEL = {
    "name": "tin-motion",
    "version": "1",
    "digest": "sha256:e9aeff5747d0f8044e9fa9f60cc912da9196ca3e03f3b83b864552bfa8ffd184",
}
_VIDEO = {
    "container": "mov,mp4,m4a,3gp,3g2,mj2",
    "codec": "h264",
    "size_bytes": 49396,
    "width": 480,
    "height": 360,
    "duration_seconds": 2.62963,
    "frames": 71,
}
_SAMPLED = {
    4: 0.148148, 13: 0.481481, 22: 0.814815, 31: 1.148148, 39: 1.444444, 48: 1.777778, 57: 2.111111, 66: 2.444444,
}  # fmt: skip
_CLOSER, _CLOCKWISE = "Moving something closer to the camera", "Turning something clockwise"


def _actions(*probabilities: float) -> list[dict[str, Any]]:
    names = ((_CLOSER, 4), (_CLOCKWISE, 6))
    return [
        {"rank": rank, "label": label, "index": index, "probability": probability}
        for rank, ((label, index), probability) in enumerate(zip(names, probabilities, strict=True), 1)
    ]


PREDICTION: dict[str, Any] = {
    "predictions": _actions(0.988351, 0.002634),
    "likely": True,
    "model": _MODEL,
    "clip": _VIDEO | {"sampled": [{"index": index, "time_seconds": time} for index, time in _SAMPLED.items()]},
    "timing_ms": {"upload": 0.8, "decode": 17.5, "transform": 1.0, "infer": 12.9, "total": 33.1},
}
"""The answer of POST /predict with `top_k=2`."""

ROWS: dict[str, dict[str, Any]] = {
    "clip": {
        "kind": "clip", "model": _MODEL, "clip": _VIDEO, "num_windows": 2, "window_seconds": 2.0, "step_seconds": 1.0,
 "min_probability": 0.6186,
    },
    "window": {
        "kind": "window",
        "start_seconds": 0.0,
        "end_seconds": 2.0,
        "predictions": _actions(0.985204, 0.006925),
        "likely": True,
    },
    "segments": {
        "kind": "segments",
        "segments": [
            {
                "start_seconds": 0.0,
                "end_seconds": 2.62963,
                "label": _CLOSER,
                "index": 4,
                "probability": 0.98542,
                "likely": True,
                "num_windows": 2,
            }
        ],
        "timing_ms": {"upload": 0.8, "decode": 31.2, "transform": 3.4, "infer": 25.6, "total": 61.7},
    },
}  # fmt: skip
"""Rows of POST /timeline with `top_k=2`, by their kind."""

DETAILS = {
    "incomplete-upload": "the upload broke off",
    "bad-request": "the query is longer than 4,096 bytes",
    "unauthorised": "an API key is required; send one as `Authorization: Bearer <key>` or `X-API-Key: <key>`",
    "unknown-model": "no model 'wave' here; the models are tin-motion",
    "slow-upload": "4,096 bytes were received in 10 s; the minimum is 20,000 bytes/s after the first 10 s",
    "upload-too-large": "the upload is larger than 100,000,000 bytes, the limit",
    "not-a-video": "the file is not a video that can be read; send MP4, MOV, MKV, WebM, AVI, TS, FLV, WMV or GIF",
    "undecodable": "the video is cut short: its index points past its end",
    "no-such-part": "the video ends after 9.96 s; there is nothing from 12 s on",
    "bounds-exceeded": "the video has more than 50,000 frames; send a shorter one",
    "missing-video": "the form has no field 'video'; send the file as -F video=@clip.mp4",
    "bad-parameter": "query top_k: Input should be a whole number from 1 on, or `all`",
    "share-exceeded": "requests of this key under way: 2, which is the limit",
    "internal-error": "the service failed on this request; its log has the reason under the request id",
    "overloaded": "videos waiting or in work: 4, which is the limit; send it again in 2 s",
    "deadline-exceeded": "no answer within 30 s; send a shorter video, or later",
}
"""The `detail` of sample problems, by the slug of their type."""
