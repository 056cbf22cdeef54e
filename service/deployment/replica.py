"""What may befall a replica, as far as a client is concerned; needs no Ray, which is an extra."""

from __future__ import annotations


class ReplicaLost(Exception):
    """Replica after replica was lost under one request."""
