"""Checkpoints: ours on disk, other projects' converted, published ones downloaded."""
