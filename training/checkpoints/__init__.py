"""Checkpoints: reading and writing, and conversion from other projects."""
