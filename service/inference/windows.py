"""Inference on a long video's windows: each before the next one is taken, so that decoding does not run ahead."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.model_input import TimelineEnd, TimelinePart, TimelineStart, WindowInput
from service.backends.base import Clips
from service.inference.batcher import Inferred


@dataclass(frozen=True)
class InferredWindow:
    """One window's logits float32 [V, K], of its V views, and the seconds that its batch took."""

    start_seconds: float
    end_seconds: float
    logits: NDArray[np.float32]
    infer_seconds: float


InferredPart = TimelineStart | InferredWindow | TimelineEnd


async def infer_windows(
    parts: AsyncGenerator[TimelinePart, None], infer: Callable[[Clips], Awaitable[Inferred]]
) -> AsyncGenerator[InferredPart, None]:
    """Replace each window's views by what `infer` returns for them; closes `parts` at the end."""
    async with aclosing(parts):
        async for part in parts:
            if not isinstance(part, WindowInput):
                yield part
                continue
            inferred = await infer(part.views)
            yield InferredWindow(part.start_seconds, part.end_seconds, inferred.outputs.logits, inferred.seconds)
