"""How many bytes of tensors are alive at once: counted, not allocated, and so on any machine."""

import weakref

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GRANULE = 512
"""The CUDA allocator hands out multiples of so many bytes."""


class LiveMemory(TorchDispatchMode):
    """While entered, follows every tensor that an operator makes; `peak` is the most that was alive, in bytes."""

    def __init__(self, already_there=()):
        super().__init__()
        self.peak = self._now = 0
        self._known = set()
        for tensor in already_there:
            self._meet(tensor)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._meet(leaf)
        return result

    def _meet(self, tensor):
        storage = tensor.untyped_storage()
        if storage._cdata in self._known:
            return
        size = -(-storage.nbytes() // GRANULE) * GRANULE
        self._known.add(storage._cdata)
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._part, storage._cdata, size)

    def _part(self, key, size):
        self._known.discard(key)
        self._now -= size
