"""Late parts: what PyAV, OpenCV, Python and the C library load only for some videos, loaded by importing this module.

The server that workers are forked from imports it, so it costs each of them nothing; a sandbox then lets them load no
more.
"""

from __future__ import annotations

import ctypes
import importlib
import linecache
import pkgutil
import sys
import traceback

import av
import cv2
import numpy as np

from service.decoding.sandbox.heap import keep_freed_memory

UNUSED_MODULES = ("av.__main__", "av.datasets")

CHARACTER_SETS = ("ISO6937", "UCS-2BE", "KSC_5601", "GB2312", *(f"ISO-8859-{number}" for number in range(1, 16)))
"""Those of the names of programmes in MPEG-TS, which FFmpeg converts by iconv."""


def _import_all_of_pyav() -> None:
    """PyAV imports a type of stream with the first stream of that type."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in UNUSED_MODULES:
            importlib.import_module(module.name)


def _load_character_sets() -> None:
    """The C library loads a module for each set; it stays while a conversion is open, so none is closed."""
    libc = ctypes.CDLL(None)
    for name in CHARACTER_SETS if hasattr(libc, "iconv_open") else ():
        libc.iconv_open(b"UTF-8", name.encode())


def _use_each_part_of_opencv() -> None:
    """OpenCV looks for plug-ins when it first computes, and when it first reads or writes an image."""
    cv2.setNumThreads(1)
    small = cv2.resize(np.zeros((16, 16, 3), np.uint8), (8, 8), interpolation=cv2.INTER_LINEAR)
    for kind in (".jpg", ".png"):
        cv2.imdecode(cv2.imencode(kind, small)[1], cv2.IMREAD_COLOR)


def _read_no_sources() -> None:
    """Python opens source files for the lines of a traceback or a warning; they are left out."""
    vars(linecache)["updatecache"] = lambda *_: []
    # the interpreter's own hook opens them without linecache
    sys.unraisablehook = lambda error: traceback.print_exception(error.exc_type, error.exc_value, error.exc_traceback)


_import_all_of_pyav()
_load_character_sets()
keep_freed_memory()
_use_each_part_of_opencv()
_read_no_sources()
