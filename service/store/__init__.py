"""The model store: manifests, digests and fingerprints of published versions, and atomic replacement of its files."""
