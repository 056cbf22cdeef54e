"""A checkpoint becomes artifacts that runtimes take, each with proof that it answers the same."""

import os

# Left alone, ONNX Runtime tells its maker which models run where, from its first import on.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY") or "1"
