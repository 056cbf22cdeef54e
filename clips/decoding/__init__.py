"""Exact decoding: chosen frames of a video, bit-identical to a full decode, within limits."""
