"""Decoding in child processes that can be killed, with limits of memory and CPU time."""
