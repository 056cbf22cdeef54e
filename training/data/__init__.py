"""Data loading: listed or rendered items become batches of clips."""
