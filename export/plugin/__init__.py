"""Temporal interlacing for TensorRT: the CUDA kernel, its compilation, its launch and its registration."""
