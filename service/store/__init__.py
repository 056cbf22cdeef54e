"""The model store: manifests, digests and fingerprints of published versions, read only."""
