"""Checks of an installation: libraries, codecs, the store, and equality with training."""
