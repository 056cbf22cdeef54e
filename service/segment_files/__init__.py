"""Segment files: the segments of a timeline as SRT, CSV, JSON or JSON lines, or drawn on the video."""
