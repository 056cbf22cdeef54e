"""Formats: one file per kind of artifact, and the catalogue of them all."""
