"""The gateway: a video goes in over HTTP, its most probable actions come out."""

import os

# Left alone, ONNX Runtime tells its maker which models run where, from its first import on.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY") or "1"
