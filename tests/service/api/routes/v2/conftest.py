"""Fixtures: Triton's own client, connected to the server of `base_url`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tritonclient.http import InferenceServerClient

AT_ONCE = 4


@pytest.fixture(scope="module")
def triton(base_url: str) -> Iterator[InferenceServerClient]:
    """Triton's client; requests beyond its connections wait until the answers before them have been read."""
    with InferenceServerClient(base_url.removeprefix("http://"), concurrency=AT_ONCE) as client:
        yield client
