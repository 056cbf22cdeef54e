"""Execution of a TensorRT engine: staging of clips, and an execution context for each batch size."""
