"""Exact decoding: a video's bytes become the frames that were asked for, within limits."""
