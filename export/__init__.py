"""A checkpoint becomes artifacts that runtimes take, each with proof that it answers the same."""

import service  # noqa: F401 - keeps ONNX Runtime quiet, before it is imported here
