"""Start-up code for a server under test: confines its decoder processes, which then die when they open anything.

Python runs this module first if its folder is on PYTHONPATH. Before the decoders are confined they decode one valid
video and load what PyAV and the C library load lazily.
"""

import os
import sys
from pathlib import Path


def confine_decoders() -> None:
    """Wrap the worker's main function, in a process that has just been forked."""
    import cv2  # noqa: PLC0415 - the server that forks them has loaded these

    from clips.clip_spec import ClipSpec  # noqa: PLC0415
    from clips.decoding.limits import DecodeLimits  # noqa: PLC0415
    from clips.preprocess import preprocess  # noqa: PLC0415
    from service.decoding import worker  # noqa: PLC0415

    serve = worker.serve

    def serve_confined(*arguments):
        from tests.helpers.videos.confinement import confine  # noqa: PLC0415
        from tests.helpers.videos.fuzzing import load_lazy_modules  # noqa: PLC0415

        cv2.setNumThreads(1)
        good = Path(os.environ["TIN_TEST_GOOD_VIDEO"]).read_bytes()
        preprocess(good, ClipSpec(), DecodeLimits(), thumbnails=True)
        load_lazy_modules()
        confine()
        serve(*arguments)

    worker.serve = serve_confined


if "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    os.register_at_fork(after_in_child=confine_decoders)
