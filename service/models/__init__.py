"""Loaded models: artifacts chosen, opened, shared and reloaded as the store changes."""
