"""Decoding in worker processes that can be killed, within limits of memory and CPU time."""
