"""Parallel decode of one video on the cores that are idle: the same frames, sooner."""
