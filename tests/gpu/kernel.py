"""Launcher of the plugin's PTX on torch tensors and torch's current stream, in the same way as TensorRT."""

import ctypes

import torch
from cuda.bindings import driver

from export.tensorrt_plugin.compile import compile_ptx
from export.tensorrt_plugin.launch import THREADS

POINTER, INT32 = ctypes.c_void_p, ctypes.c_int32


class Kernels:
    """All kernels of `interlace.cu`, compiled for clips of `num_frames`."""

    def __init__(self, num_frames):
        torch.cuda.current_stream().synchronize()
        ptx = ctypes.create_string_buffer(compile_ptx(num_frames))
        self._module = _checked(driver.cuModuleLoadData(ctypes.addressof(ptx)))

    def launch(self, launch, features, offsets, weights):
        """Enqueue the interlacing of contiguous features; return the output, which is not ready yet."""
        output = torch.empty_like(features)
        self.launch_into(launch, features, offsets, weights, output)
        return output

    def launch_into(self, launch, features, offsets, weights, output):
        """Enqueue the interlacing of contiguous features into an existing tensor."""
        function = _checked(driver.cuModuleGetFunction(self._module, launch.kernel.encode()))
        inputs = [tensor.data_ptr() for tensor in (features, offsets, weights)]
        values = (*inputs, launch.frame_size, launch.run, output.data_ptr())
        types = (POINTER, POINTER, POINTER, INT32, INT32, POINTER)
        grid, block = (launch.blocks, len(offsets), 1), (THREADS, 1, 1)
        stream = torch.cuda.current_stream().cuda_stream
        _checked(driver.cuLaunchKernel(function, *grid, *block, 0, stream, (values, types), 0))


def _checked(returned):
    status, *results = returned
    if status:
        _, text = driver.cuGetErrorString(status)
        raise RuntimeError(text.decode())
    return results[0] if results else None
