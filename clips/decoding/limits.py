"""DecodeLimits: upper bounds for one decode, since an upload may be hostile."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DecodeLimits:
    """Upper bounds for one decode; a video beyond one raises `LimitExceeded`, which names it.

        decode("clip.mp4", pick_frames, DecodeLimits(max_frames=1_000))

    `max_bytes` bounds the file, `max_pixels_per_frame` is width times height, and `max_cpu_seconds` is CPU time of the
    decoding thread, or of the process where several threads decode. Raises ValueError, naming the field, for a limit
    that is not positive.
    """

    max_bytes: int = 100_000_000
    max_packets: int = 100_000
    max_pixels_per_frame: int = 4096 * 2304
    max_frames: int = 50_000
    max_cpu_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name, limit in vars(self).items():
            if limit <= 0:
                raise ValueError(f"DecodeLimits.{name} must be positive, not {limit!r}")


DEFAULT_LIMITS = DecodeLimits()
