"""Fake TensorRT and CUDA without a GPU: the engine's logits are the mean of each clip.

Device memory is host memory and a stream runs at once. As in the real ones, addresses are bound beforehand, and a graph
replays what was captured.
"""

import ctypes
import threading
from types import SimpleNamespace

import numpy as np

CLIP = (2, 4, 4, 3)
SHAPES = {
    "clips": (-1, *CLIP),
    "logits": (-1, 5),
    "features": (-1, 7),
    "offsets": (-1, 3, 2),
    "weights": (-1, 3, 2, 2),
}


def view(address, shape, dtype):
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_uint8 * size).from_address(address), dtype).reshape(shape)


class Context:
    def __init__(self):
        self.size, self.addresses, self.runs = None, {}, 0

    def set_input_shape(self, name, shape):
        assert self.size is None, "the shape of a context changed"
        self.size = shape[0]
        return True

    def get_tensor_shape(self, name):
        return [self.size, *SHAPES[name][1:]]

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        self.runs += 1
        clips = view(self.addresses["clips"], (self.size, *CLIP), np.uint8)
        mean = clips.reshape(self.size, -1).mean(axis=1)
        for name in self.addresses.keys() - {"clips"}:
            output = view(self.addresses[name], (self.size, *SHAPES[name][1:]), np.float32)
            output[:] = mean.reshape(-1, *[1] * (output.ndim - 1))
        return True


class Engine:
    """An engine with these tensors, given by the names of their element types."""

    def __init__(self, types):
        self.types, self.contexts, self.num_io_tensors = types, [], len(types)

    def get_tensor_name(self, index):
        return list(self.types)[index]

    def get_tensor_dtype(self, name):
        return SimpleNamespace(name=self.types[name])

    def get_tensor_shape(self, name):
        return SHAPES[name]

    def get_tensor_profile_shape(self, name, profile):
        return [(size, *CLIP) for size in (1, 4, 16)]

    def create_execution_context(self):
        self.contexts.append(Context())
        return self.contexts[-1]


class Logger:
    ERROR, INTERNAL_ERROR, INFO = "error", "internal error", "info"


def make_tensorrt(engine):
    """The module; an engine of None is one that does not deserialise."""

    class Runtime:
        def __init__(self, log):
            self.log = log

        def deserialize_cuda_engine(self, plan):
            if engine is None:
                self.log.log(Logger.INFO, "loading")
                self.log.log(Logger.ERROR, "built for\nanother GPU")
            return engine

    return SimpleNamespace(ILogger=Logger, Runtime=Runtime, __version__="11.4.0.106")


class Cuda:
    """Replaces functions of `service.backends.cuda`; counts what is held."""

    def __init__(self):
        self.held = 0
        self.launched = 0
        self.devices = []
        """The number of the GPU that each thread, by its name, has chosen, in order."""

    def _hold(self, resources):
        self.held += 1
        resources.callback(self._release)

    def _release(self):
        self.held -= 1

    def device_name(self, gpu=0):
        return "NVIDIA Fake 80GB"

    def set_device(self, gpu):
        self.devices.append((threading.current_thread().name, gpu))

    def allocate_pinned(self, resources, shape, dtype):
        self._hold(resources)
        return np.zeros(shape, dtype)

    def allocate_device(self, resources, num_bytes):
        self._hold(resources)
        memory = np.zeros(num_bytes, np.uint8)
        resources.callback(lambda: memory)
        return memory.ctypes.data

    def create_stream(self, resources):
        self._hold(resources)
        return 7

    def upload(self, host, device, stream):
        ctypes.memmove(device, host.ctypes.data, host.nbytes)

    def download(self, device, host, stream):
        ctypes.memmove(host.ctypes.data, device, host.nbytes)

    def capture(self, resources, stream, enqueue):
        self._hold(resources)
        return enqueue

    def call(self, function, *arguments):
        if function == "cudaGraphLaunch":
            self.launched += 1
            arguments[0]()
