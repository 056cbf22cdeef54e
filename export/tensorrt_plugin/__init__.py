"""Temporal interlacing for TensorRT: the CUDA kernel, its compilation, launch, registration and ONNX node."""
