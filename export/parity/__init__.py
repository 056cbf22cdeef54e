"""Parity: comparison of an artifact with its checkpoint, and the provenance of an artifact."""
