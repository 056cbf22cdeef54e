"""HTTP concerns of the routes: problems, uploads, keys, streamed responses, OpenAPI."""
