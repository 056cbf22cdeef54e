"""Loaded models: artifact selection, the registry, and hot reload."""
