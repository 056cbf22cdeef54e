"""Checkpoints: reading and writing, conversion from other projects, download of published ones."""
