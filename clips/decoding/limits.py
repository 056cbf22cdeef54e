"""How much a video may ask of us. An upload is hostile until it has been decoded within these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DecodeLimits:
    """Limits of one decode; going over one raises `LimitExceeded`, which names it."""

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
