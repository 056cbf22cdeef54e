"""Admission control and deadlines."""
