"""Parity: proof that an artifact answers as its checkpoint does, and what it was made from."""
