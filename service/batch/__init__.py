"""Batch prediction without a server: folders of videos to JSON lines, resumable, also on Ray."""
