"""Reference-counted backend: closed when the last request that holds it is done."""

from __future__ import annotations

import weakref

from service.backends.base import Backend, CheckedBackend, Clips, Outputs, RemoteBackend, replicas_of


def refcounted(backend: Backend) -> RefcountedBackend:
    """Wrap a backend so that it is closed when the wrapper is garbage collected; it stays what it is otherwise."""
    if isinstance(backend, RemoteBackend):
        return RefcountedRemoteBackend(backend)
    return RefcountedCheckedBackend(backend) if isinstance(backend, CheckedBackend) else RefcountedBackend(backend)


class RefcountedBackend:
    """A backend that stays open as long as a request or a waiting batch refers to this object.

    So a model can leave the registry at any time, and its users have nothing to release.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.max_batch_size = backend.max_batch_size
        self.replicas = replicas_of(backend)
        self._close_once = weakref.finalize(self, backend.close)

    def infer(self, clips: Clips) -> Outputs:
        """Run the backend on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        return self._backend.infer(clips)

    def close(self) -> None:
        """Close the backend now, whoever holds it: at the end of the process."""
        self._close_once()


class RefcountedCheckedBackend(RefcountedBackend):
    """A reference-counted backend that may stop answering."""

    def __init__(self, backend: CheckedBackend) -> None:
        super().__init__(backend)
        self.check_up = backend.check_up


class RefcountedRemoteBackend(RefcountedCheckedBackend):
    """A reference-counted backend whose runtime is a server."""

    def __init__(self, backend: RemoteBackend) -> None:
        super().__init__(backend)
        self.outputs = backend.outputs
