"""ASGI middleware, outermost first: access log, response headers, load shedding."""
