"""Channel between the server and one worker: a pipe, and memory that both have mapped.

Large buffers of a message, which are a video's bytes and the pixels of views, go through the memory. What is left of
the message is so short that the pipe takes it at once: neither side waits until the other reads.
"""

from __future__ import annotations

import io
import os
import pickle
import socket
import struct
from collections.abc import Iterator
from fcntl import F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, fcntl
from mmap import mmap
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from typing import Any

MEMORY_BYTES = 4 << 20
"""Memory of a channel; larger messages take longer than one thread's hop, and go through the pipe as a whole."""

SHORT_BYTES = 16 << 10
"""Messages up to this length are written to the pipe in one piece."""

_LENGTH_IN_PIPE, _LENGTH_IN_MEMORY = struct.Struct("!i"), struct.Struct("!Q")
_NOT_EXECUTABLE = 0x8
"""MFD_NOEXEC_SEAL, which kernels from 6.3 on may demand, and those before refuse."""


def channel() -> tuple[Channel, Channel]:
    """Return both ends of a new channel, without memory where the system gives none; raises OSError."""
    ours, theirs = socket.socketpair()
    try:
        memory = _new_memory()
    except OSError:
        return Channel(ours.detach()), Channel(theirs.detach())
    return Channel(ours.detach(), memory), Channel(theirs.detach(), os.dup(memory))


class Channel(Connection):
    """One end of a channel. A process that is being started gets the other one as an argument.

    The memory holds the buffers of the last message, each behind its length. It belongs to both sides: whatever is in
    it may change at any time, so buffers are copied out before they are used.
    """

    def __init__(self, handle: int, memory: int | None = None) -> None:
        super().__init__(handle)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(handle))
        self._file = None if memory is None else io.FileIO(memory, "r+")
        self._memory = None if memory is None else mmap(memory, MEMORY_BYTES)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle for a process that is being started."""
        return _rebuild, (DupFd(self.fileno()), None if self._file is None else DupFd(self._file.fileno()))

    def share(self, message: object) -> None:
        """Send a message; its arrays, and what is marked by `pickle.PickleBuffer`, go through the memory if they fit.

        The other side must have received the message before.
        """
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        if not self._put([buffer.raw() for buffer in buffers]):
            pickled = pickle.dumps(message, protocol=5)
        self.send_bytes(pickled)

    def recv(self) -> Any:
        """Return the next message, of `send` or `share`."""
        return self.load(self.recv_bytes(), pickle.Unpickler)

    def load(self, pickled: bytes, unpickler: type[pickle.Unpickler]) -> Any:
        """Unpickle a message that was received as bytes; raises whatever the unpickler does, and ValueError."""
        return unpickler(io.BytesIO(pickled), buffers=self._buffers()).load()

    def fits(self, num_bytes: int) -> bool:
        """True for a buffer that goes through the memory if it is a message's only one."""
        return self._memory is not None and num_bytes + _LENGTH_IN_MEMORY.size <= MEMORY_BYTES

    def has_short_message(self) -> bool:
        """True if `recv_bytes` would return a message now; False as well for one over SHORT_BYTES, and at the end."""
        try:
            received = self._socket.recv(_LENGTH_IN_PIPE.size + SHORT_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:  # nothing is there yet, or the other side is gone
            return False
        body = len(received) - _LENGTH_IN_PIPE.size
        return body > 0 and 0 <= _LENGTH_IN_PIPE.unpack_from(received)[0] <= body

    def __del__(self) -> None:
        if hasattr(self, "_memory"):
            self.close()

    def close(self) -> None:
        """Close this end."""
        if not self.closed:
            super().close()
            self._socket.close()
            for each in (self._memory, self._file):
                if each is not None:
                    each.close()

    def _put(self, buffers: list[memoryview]) -> bool:
        num_bytes = sum(_LENGTH_IN_MEMORY.size + buffer.nbytes for buffer in buffers)
        if self._memory is None or num_bytes > MEMORY_BYTES:
            return False
        self._memory.seek(0)
        for buffer in buffers:
            self._memory.write(_LENGTH_IN_MEMORY.pack(buffer.nbytes))
            self._memory.write(buffer)
        return True

    def _buffers(self) -> Iterator[bytes]:
        if self._memory is None:
            return
        self._memory.seek(0)
        while True:
            (length,) = _LENGTH_IN_MEMORY.unpack(self._memory.read(_LENGTH_IN_MEMORY.size))
            yield self._memory.read(length)


def _new_memory() -> int:
    """Return the descriptor of new memory of a size that stays; it holds nothing until it is written to.

    Raises OSError, also where files may not grow: such a limit counts for memory as well.
    """
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        memory = os.memfd_create("channel", flags | _NOT_EXECUTABLE)
    except OSError:
        memory = os.memfd_create("channel", flags)
    try:
        os.ftruncate(memory, MEMORY_BYTES)
        # a worker that shrank it would make the kernel end the server (SIGBUS)
        fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
    except OSError:
        os.close(memory)
        raise
    return memory


def _rebuild(handle: Any, memory: Any) -> Channel:
    return Channel(handle.detach(), None if memory is None else memory.detach())
