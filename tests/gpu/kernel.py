"""Launchers of the plugins' PTX on torch tensors and torch's current stream, in the same way as TensorRT."""

import ctypes

import torch
from cuda.bindings import driver

from export.precision import Precision
from export.tensorrt_plugin.compile import INTERLACE, PLAN, compile_ptx
from export.tensorrt_plugin.launch import THREADS, PlanLaunch

POINTER, INT32 = ctypes.c_void_p, ctypes.c_int32


class Module:
    """All kernels of a source, compiled for clips of `num_frames`."""

    def __init__(self, source, num_frames):
        torch.cuda.current_stream().synchronize()
        ptx = ctypes.create_string_buffer(compile_ptx(source, num_frames))
        self._module = _checked(driver.cuModuleLoadData(ctypes.addressof(ptx)))

    def launch(self, kernel, grid, threads, arguments):
        """Enqueue a kernel; tensors among the arguments are passed by address, and integers as int32."""
        function = _checked(driver.cuModuleGetFunction(self._module, kernel.encode()))
        is_tensor = [isinstance(each, torch.Tensor) for each in arguments]
        values = tuple(each.data_ptr() if tensor else each for each, tensor in zip(arguments, is_tensor, strict=True))
        types = tuple(POINTER if tensor else INT32 for tensor in is_tensor)
        stream = torch.cuda.current_stream().cuda_stream
        _checked(driver.cuLaunchKernel(function, *grid, threads, 1, 1, 0, stream, (values, types), 0))


class Kernels:
    """The kernels of `interlace.cu`, compiled for clips of `num_frames`."""

    def __init__(self, num_frames):
        self._module = Module(INTERLACE, num_frames)

    def launch(self, launch, features, offsets, weights):
        """Enqueue the interlacing of contiguous features; return the output, which is not ready yet."""
        output = torch.empty_like(features)
        self.launch_into(launch, features, offsets, weights, output)
        return output

    def launch_into(self, launch, features, offsets, weights, output):
        """Enqueue the interlacing of contiguous features into an existing tensor."""
        arguments = (features, offsets, weights, launch.frame_size, launch.run, output)
        self._module.launch(launch.kernel, (launch.blocks, len(offsets), 1), THREADS, arguments)


class PlanKernels:
    """The kernels of `plan.cu`, compiled for clips of `num_frames`."""

    def __init__(self, num_frames):
        self._module, self._num_frames = Module(PLAN, num_frames), num_frames

    def launch(self, pooled, parameters):
        """Enqueue the plan of contiguous pooled features; return offsets and weights, which are not ready yet."""
        num_clips = len(pooled) // self._num_frames
        offsets = torch.empty(num_clips, 2, device=pooled.device)
        weights = torch.empty(num_clips, self._num_frames, 2, device=pooled.device)
        launch = PlanLaunch(Precision.FP16 if pooled.dtype is torch.float16 else Precision.FP32, self._num_frames)
        arguments = (pooled, *parameters, pooled.shape[1], offsets, weights)
        self._module.launch(launch.kernel, (num_clips, 1, 1), launch.threads, arguments)
        return offsets, weights


def _checked(returned):
    status, *results = returned
    if status:
        _, text = driver.cuGetErrorString(status)
        raise RuntimeError(text.decode())
    return results[0] if results else None
