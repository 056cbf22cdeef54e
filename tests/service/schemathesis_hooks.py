"""schemathesis loads this. Half of what it sends for a video is a good one: none would be answered otherwise."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path

import schemathesis
from hypothesis import strategies

video = Path(os.environ["TIN_TEST_GOOD_VIDEO"]).read_bytes()
schemathesis.openapi.format("binary", strategies.just(video) | strategies.binary())
texts = strategies.binary().map(lambda data: b64encode(data).decode())
schemathesis.openapi.format("base64", strategies.just(b64encode(video).decode()) | texts)
