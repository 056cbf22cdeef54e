"""Report of an evaluation: one HTML page, and the same as JSON."""
