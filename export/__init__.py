"""Export: turn a checkpoint into artifacts for runtimes, each with a parity report.

graph -> formats -> parity -> publishing: a network is rewritten as a graph, a graph becomes a file of some format, the
file is compared with the checkpoint, and a version enters the model store.
"""

import os

# By default ONNX Runtime reports to its maker, from its first import on, which machine runs which models.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY") or "1"
