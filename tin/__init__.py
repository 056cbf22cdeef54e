"""Front door: the `tin` command and the Python API. It composes `service` and `clips` and holds no logic of its own.

    import tin

    model = tin.load()
    for action in model.predict("clip.mp4").predictions:
        print(action.rank, action.label, action.probability)

`tin.Client` asks a running service instead. `import tin` loads no runtime; `tin.load` does. Errors are those of the
packages that raise them:

    ClipError       the video is not one, damaged, or larger than the limits: NotAVideo, Undecodable, ...
    StoreError      there is no such store, model or version
    RegistryError   the model is there and refused, or no runtime here can run it
    BackendError    the runtime failed, or the artifact has no features
    ClientError     a service gave no answer (NoAnswer) or a problem (ServiceProblem, ServiceBusy)
    ValueError      an argument is out of range
    OSError         a path cannot be read
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clips.decoding.errors import ClipError as ClipError
    from clips.scores import Score as Score
    from service.backends.base import BackendError as BackendError
    from service.models.registry import RegistryError as RegistryError
    from service.store.model_store import StoreError as StoreError
    from tin.client.async_client import AsyncClient as AsyncClient
    from tin.client.client import Client as Client
    from tin.client.errors import ClientError as ClientError
    from tin.client.errors import NoAnswer as NoAnswer
    from tin.client.errors import ServiceBusy as ServiceBusy
    from tin.client.errors import ServiceProblem as ServiceProblem
    from tin.model import Model as Model
    from tin.model import load as load
    from tin.results import Prediction as Prediction
    from tin.results import Timeline as Timeline

_MODULE_OF = {
    "AsyncClient": "tin.client.async_client",
    "BackendError": "service.backends.base",
    "Client": "tin.client.client",
    "ClientError": "tin.client.errors",
    "ClipError": "clips.decoding.errors",
    "Model": "tin.model",
    "NoAnswer": "tin.client.errors",
    "Prediction": "tin.results",
    "RegistryError": "service.models.registry",
    "Score": "clips.scores",
    "ServiceBusy": "tin.client.errors",
    "ServiceProblem": "tin.client.errors",
    "StoreError": "service.store.model_store",
    "Timeline": "tin.results",
    "load": "tin.model",
}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'tin' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
