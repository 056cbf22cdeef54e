"""Live video: a camera, a stream or a file becomes named segments while it runs."""
