"""Formats: each file makes one kind of artifact; the catalogue lists them all."""
