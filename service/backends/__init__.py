"""Backends: one file per runtime, imported only when chosen; `base` has the protocol and the errors."""
