"""Data loading: batches of clips from listed or rendered items."""
