"""Marks for tests that need a certain CPU."""

import pytest

from service.models.artifact_selection import Capabilities

needs_vnni = pytest.mark.skipif(
    not Capabilities.detect().has_vnni,
    reason="without VNNI, ONNX Runtime's int8 kernels saturate sums of products at 16 bits",
)
