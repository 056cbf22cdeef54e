"""Fake TensorRT and CUDA without a GPU: the engine's logits are the mean of each clip.

Device memory is host memory and a stream runs at once. As in the real ones, addresses are bound beforehand, and a graph
replays what was captured.
"""

import ctypes
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np

CLIP = (2, 4, 4, 3)
USER_MANAGED = "user managed"
SHAPES = {
    "clips": (-1, *CLIP),
    "logits": (-1, 5),
    "features": (-1, 7),
    "offsets": (-1, 3, 2),
    "weights": (-1, 3, 2, 2),
}


RECORDED: list[Any] = []
"""Work that is being recorded, if a graph is: a list in this list."""


def do(work):
    """Do a piece of work on the stream now, or when the graph that is being recorded is replayed."""
    if RECORDED:
        RECORDED[-1].append(work)
    else:
        work()


def view(address, shape, dtype):
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_uint8 * size).from_address(address), dtype).reshape(shape)


class Context:
    def __init__(self, profiles):
        self.profiles, self.profile, self.memory = profiles, None, None
        self.size, self.addresses, self.runs = None, {}, 0

    def set_device_memory(self, address, size):
        self.memory = (address, size)

    def set_optimization_profile_async(self, profile, stream):
        assert self.size is None, "a profile is chosen before the shape"
        self.profile = profile
        return True

    def set_input_shape(self, name, shape):
        assert self.size is None, "the shape of a context changed"
        least, _, most = self.profiles[self.profile]
        assert least <= shape[0] <= most, "the shape is not of the profile"
        self.size = shape[0]
        return True

    def get_tensor_shape(self, name):
        return [self.size, *SHAPES[name][1:]]

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        assert self.memory, "there is no memory for activations"
        addresses = dict(self.addresses)
        do(lambda: self._run(addresses))
        return True

    def _run(self, addresses):
        self.runs += 1
        clips = view(addresses["clips"], (self.size, *CLIP), np.uint8)
        mean = clips.reshape(self.size, -1).mean(axis=1)
        for name in addresses.keys() - {"clips"}:
            output = view(addresses[name], (self.size, *SHAPES[name][1:]), np.float32)
            output[:] = mean.reshape(-1, *[1] * (output.ndim - 1))


class Engine:
    """An engine with these tensors, given by the names of their element types, and with these profiles.

    A profile has three batch sizes: the smallest, the one that it is tuned for, and the largest.
    """

    device_memory_size_v2 = 1 << 10

    def __init__(self, types, profiles=((1, 1, 1), (4, 4, 4), (16, 16, 16))):
        self.types, self.contexts, self.num_io_tensors = types, [], len(types)
        self.profiles, self.num_optimization_profiles = profiles, len(profiles)

    def get_tensor_name(self, index):
        return list(self.types)[index]

    def get_tensor_dtype(self, name):
        return SimpleNamespace(name=self.types[name])

    def get_tensor_shape(self, name):
        return SHAPES[name]

    def get_tensor_profile_shape(self, name, profile):
        return [(size, *CLIP) for size in self.profiles[profile]]

    def create_execution_context(self, strategy):
        assert strategy == USER_MANAGED
        self.contexts.append(Context(self.profiles))
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

    strategies = SimpleNamespace(USER_MANAGED=USER_MANAGED)
    return SimpleNamespace(
        ILogger=Logger, Runtime=Runtime, ExecutionContextAllocationStrategy=strategies, __version__="11.4.0.106"
    )


class Cuda:
    """Replaces functions of `service.backends.cuda`; counts what is held."""

    def __init__(self):
        self.held = 0
        self.launched = 0
        self.recorded = []
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

    def create_event(self, resources):
        self._hold(resources)
        return object()

    def record_event(self, event, stream):
        self.recorded.append(event)

    def wait_for_event(self, event, stream):
        assert event in self.recorded, "nothing was recorded to wait for"

    def upload(self, host, device, stream):
        do(lambda: ctypes.memmove(device, host.ctypes.data, host.nbytes))

    def download(self, device, host, stream):
        do(lambda: ctypes.memmove(host.ctypes.data, device, host.nbytes))

    def capture(self, resources, stream, enqueue):
        self._hold(resources)
        recorded: list[Any] = []
        RECORDED.append(recorded)
        enqueue()
        RECORDED.pop()
        return recorded

    def call(self, function, *arguments):
        if function == "cudaGraphLaunch":
            self.launched += 1
            for work in arguments[0]:
                work()
