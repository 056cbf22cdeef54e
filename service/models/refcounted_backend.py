"""A backend that many requests hold: it is closed when the last of them lets go."""

from __future__ import annotations

import weakref

from service.backends.base import Backend, Clips, Outputs, RemoteBackend


def refcounted(backend: Backend) -> RefcountedBackend:
    """A backend that is closed when nobody refers to what this returns; a remote one stays remote."""
    return RefcountedRemoteBackend(backend) if isinstance(backend, RemoteBackend) else RefcountedBackend(backend)


class RefcountedBackend:
    """Any backend; whoever refers to this object, a request or a batch that waits, keeps the backend open.

    So a model can leave the registry at any time, and its users have nothing to give back.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.max_batch_size = backend.max_batch_size
        self._close_once = weakref.finalize(self, backend.close)

    def infer(self, clips: Clips) -> Outputs:
        """What the backend answers to uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        return self._backend.infer(clips)

    def close(self) -> None:
        """Close it now, for all; at the end of the process."""
        self._close_once()


class RefcountedRemoteBackend(RefcountedBackend):
    """The same for one whose runtime is a server."""

    def __init__(self, backend: RemoteBackend) -> None:
        super().__init__(backend)
        self._remote = backend

    def check_up(self) -> None:
        """Raises RuntimeDown as the backend does."""
        self._remote.check_up()
