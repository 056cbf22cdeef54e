"""One file per runtime, imported only when chosen; `base` holds what they have in common."""
