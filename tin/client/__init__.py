"""Clients of a running service: `tin.Client` and `tin.AsyncClient`. They load no runtime and no server."""
