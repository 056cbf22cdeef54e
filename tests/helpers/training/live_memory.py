"""Peak memory of live tensors, counted on any machine, also for fake tensors."""

import weakref

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GRANULE = 512
"""Allocation granularity of the CUDA allocator, in bytes."""


class LiveMemory(TorchDispatchMode):
    """Dispatch mode that tracks every tensor an operator makes; `peak` is the maximum alive at once, in bytes."""

    def __init__(self, existing=()):
        super().__init__()
        self.peak = self._now = 0
        self._known = set()
        for tensor in existing:
            self._track(tensor)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._track(leaf)
        return result

    def _track(self, tensor):
        storage = tensor.untyped_storage()
        if storage._cdata in self._known:
            return
        size = -(-storage.nbytes() // GRANULE) * GRANULE
        self._known.add(storage._cdata)
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._release, storage._cdata, size)

    def _release(self, key, size):
        self._known.discard(key)
        self._now -= size
