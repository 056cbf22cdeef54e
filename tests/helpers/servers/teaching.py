"""A folder to start a service in whose trainings run a scripted stand-in for `tin finetune`."""

from __future__ import annotations

import shutil
from pathlib import Path

from service.teaching.requirements import LIBRARIES
from tests.helpers import stores
from tests.helpers.fakes import scripted_finetune

MODEL = "my-actions"


def scripted_folder(folder: Path) -> Path:
    """Fill `folder` with the stand-in, its model MODEL, and a model store `store`; return it.

    Python puts the working folder before everything else on its path, so `python -m tin` runs the stand-in there. The
    libraries that train are empty files: the base environment has none.
    """
    package = folder / "tin"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copyfile(scripted_finetune.__file__, package / "__main__.py")
    for name in LIBRARIES:
        (folder / f"{name}.py").touch()
    stores.publish(folder / "made", MODEL, "1")
    stores.publish(folder / "store", "colours", "1")
    return folder


def settings_in(folder: Path) -> dict[str, object]:
    """Settings of a service that teaches there and finds new models fast."""
    return {
        "model_store": folder / "store",
        "teach": True,
        "teach_folder": folder / "taught",
        "store_poll_seconds": 0.1,
    }
