"""TensorRT plugin for temporal interlacing: CUDA kernel, compilation, launch, registration and ONNX node."""
