"""Parts of the benchmark of start and size: import times by package, sizes by distribution, the resize in NumPy."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import numpy as np
import pytest

from clips.clip_spec import ClipSpec
from clips.transforms import centre_crop, resize_short_side
from tests.benchmarks.start.imports import by_package
from tests.benchmarks.start.install_size import OTHER, megabytes_by_distribution
from tests.benchmarks.start.numpy_resize import NumpyResize


def test_a_package_has_the_time_of_its_own_modules() -> None:
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:      1500 |       2500 |   numpy.linalg",
        "import time:       500 |       4000 | numpy",
        "import time:       250 |        250 |     _io",
    ]
    assert by_package(lines) == {"numpy": 2.0, "_io": 0.25}


def test_a_distribution_has_the_size_of_its_files(tmp_path: Path) -> None:
    site = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path)}))
    for name, size in (("small", 100_000), ("large", 3_000_000), ("stray", 200_000)):
        (site / name).mkdir(parents=True)
        (site / name / "data.bin").write_bytes(bytes(size))
    for name in ("small", "large"):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "RECORD").write_text(f"{name}/data.bin,,\n")
    assert megabytes_by_distribution(tmp_path) == {"large": 3.0, OTHER: 0.2, "small": 0.1}


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640), (1919, 1081), (341, 257), (300, 225)])
def test_numpy_resizes_as_opencv_does(width: int, height: int) -> None:
    image = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    spec = ClipSpec()
    expected = centre_crop(resize_short_side(image, spec.short_side), spec.crop)
    np.testing.assert_array_equal(NumpyResize(width, height, spec)(image), expected)
