"""schemathesis loads this. Half of what it sends for bytes is a good video: none would be answered otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import schemathesis
from hypothesis import strategies

good = strategies.just(Path(os.environ["TIN_TEST_GOOD_VIDEO"]).read_bytes())
schemathesis.openapi.format("binary", good | strategies.binary())
