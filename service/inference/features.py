"""Features of a video: what the model's classification head sees, averaged over the views."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.backends.base import BackendError, Outputs
from service.models.versions import LoadedModel


class NoFeatures(BackendError):
    """The model's artifact was exported before graphs had features."""


def check_features(model: LoadedModel) -> None:
    """Raise NoFeatures for a model that is known to have none."""
    if "features" not in model.outputs:
        raise _no_features(model)


def mean_features(outputs: Outputs, model: LoadedModel, num_views: int) -> NDArray[np.float32]:
    """Return the mean, float32 [D], of the features of the first `num_views` clips; raises NoFeatures.

    A model server that runs an old archive shows only in its outputs that it has none.
    """
    if outputs.features is None:
        raise _no_features(model)
    return np.asarray(outputs.features[:num_views].mean(axis=0))


def _no_features(model: LoadedModel) -> NoFeatures:
    return NoFeatures(
        f"{model.artifact} of {model.name} {model.version} was exported before there were features; "
        "rebuild it with `tin reexport`"
    )
