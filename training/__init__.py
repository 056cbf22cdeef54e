"""Data, model and recipes: makes checkpoints."""
