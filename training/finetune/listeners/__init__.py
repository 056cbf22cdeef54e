"""Listeners to a fine-tuning run: its events, and what shows them to people and programs."""
