"""Rendered motion clips: the demo model's training data and evaluation sets."""
