"""ASGI middleware, outermost first: access log, response headers, cross-origin requests, load shedding."""
