"""Python runs this first where it is on the path: the server's decoders then end when they open anything.

They have decoded a good video before, and loaded what PyAV and the C library load late.
"""

import os
import sys
from pathlib import Path


def confine_decoders() -> None:
    import cv2  # noqa: PLC0415 - the server that forks them has loaded these

    from clips.clip_spec import ClipSpec  # noqa: PLC0415
    from clips.decoding.limits import DecodeLimits  # noqa: PLC0415
    from clips.preprocess import preprocess  # noqa: PLC0415
    from service.decoding import worker  # noqa: PLC0415

    serve = worker.serve

    def serve_confined(*arguments):
        from tests.helpers.videos.confinement import confine  # noqa: PLC0415
        from tests.helpers.videos.fuzzing import load_late_parts  # noqa: PLC0415

        cv2.setNumThreads(1)
        good = Path(os.environ["TIN_TEST_GOOD_VIDEO"]).read_bytes()
        preprocess(good, ClipSpec(), DecodeLimits(), thumbnails=True)
        load_late_parts()
        confine()
        serve(*arguments)

    worker.serve = serve_confined


if "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    os.register_at_fork(after_in_child=confine_decoders)
