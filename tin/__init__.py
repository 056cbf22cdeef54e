"""Front door: the `tin` command and the Python API. It holds no logic of its own."""
