"""Classification of an output: its highest values as texts, as the protocol's Classification extension writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def classify(values: NDArray[np.floating], num_classes: int, labels: Sequence[str] = ()) -> NDArray[np.object_]:
    """Return texts [N, C] such as `12.500000:3:Waving`, the highest of each row's values first.

    Args:
        values: [N, ...]; everything of a row counts as one list of values.
        num_classes: Number of texts a row; C is smaller where there are fewer values.
        labels: Of the values, by index; without them a text ends with the index.
    """
    rows = values.reshape(len(values), -1)
    highest = np.argsort(-rows, axis=1, kind="stable")[:, :num_classes]
    texts = np.empty(highest.shape, np.object_)
    for (row, rank), index in np.ndenumerate(highest):
        label = f":{labels[int(index)]}" if labels else ""
        texts[row, rank] = f"{rows[row, index]:f}:{index}{label}"
    return texts
