"""Compilation of the kernels to PTX, by NVRTC (package nvidia-cuda-nvrtc, or CUDA's own) or else by nvcc.

Neither needs a GPU. The calls follow NVRTC's manual (docs.nvidia.com/cuda/nvrtc). PTX needs a driver at least as new as
the compiler: PTX of CUDA 13.0 needs driver 580.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import tempfile
from ctypes.util import find_library
from functools import cache
from pathlib import Path

from service.backends.base import one_line

INTERLACE = Path(__file__).with_name("interlace.cu")
PLAN = Path(__file__).with_name("plan.cu")
ARCHITECTURE = "compute_75"
"""Turing; the driver compiles the PTX for newer GPUs."""


class CompilationFailed(Exception):
    """The kernel cannot be compiled on this machine; the message gives the reason."""


@cache
def compile_ptx(source: Path, num_frames: int) -> bytes:
    """Return the PTX of every kernel in a source, for clips of `num_frames`. Raises CompilationFailed."""
    library = find_nvrtc()
    if library is not None:
        return compile_with_nvrtc(library, source, num_frames)
    nvcc = shutil.which("nvcc")
    if nvcc is not None:
        return compile_with_nvcc(nvcc, source, num_frames)
    raise CompilationFailed("no CUDA compiler: install nvidia-cuda-nvrtc, or put nvcc on the PATH")


def find_nvrtc() -> str | None:
    """Return the NVRTC library of the Python package, or else the system's; None if there is none."""
    package = importlib.util.find_spec("nvidia")
    folders = [] if package is None else package.submodule_search_locations or []
    libraries = [path for folder in folders for path in Path(folder).glob("*/lib/libnvrtc.so.[0-9]*")]
    return str(max(libraries, key=_release)) if libraries else find_library("nvrtc")


def compile_with_nvrtc(library: str, source: Path, num_frames: int) -> bytes:
    """Return the PTX for clips of `num_frames`, compiled by that NVRTC library. Raises CompilationFailed."""
    nvrtc = _load(Path(library))
    program = ctypes.c_void_p()
    text, name = source.read_bytes(), source.name
    _check(nvrtc, nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, name.encode(), 0, None, None))
    try:
        return _compiled(nvrtc, program, name, num_frames)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def compile_with_nvcc(nvcc: str, source: Path, num_frames: int) -> bytes:
    """Return the PTX for clips of `num_frames`, compiled by that nvcc. Raises CompilationFailed."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "kernels.ptx"
        command = [nvcc, "-ptx", *_options(num_frames), "-o", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise CompilationFailed(f"nvcc refused {source.name}: {one_line(done.stderr)}")
        return target.read_bytes()


def _release(library: Path) -> tuple[int, ...]:
    """Return the release in a library's name, (13,) of `libnvrtc.so.13`: its folder's name says nothing of it."""
    return tuple(int(part) for part in library.name.partition(".so.")[2].split(".") if part.isdigit())


def _load(library: Path) -> ctypes.CDLL:
    try:
        # NVRTC looks for its builtins where the system's libraries are, not beside itself.
        for builtins in library.parent.glob("libnvrtc-builtins.so.*"):
            ctypes.CDLL(str(builtins))
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise CompilationFailed(f"NVRTC does not load: {error}") from error


def _options(num_frames: int) -> list[str]:
    return [f"--gpu-architecture={ARCHITECTURE}", "--std=c++17", f"-DNUM_FRAMES={num_frames}"]


def _compiled(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, name: str, num_frames: int) -> bytes:
    options = [option.encode() for option in _options(num_frames)]
    status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    if status:
        log = _text(nvrtc, program, "ProgramLog").decode(errors="replace")
        raise CompilationFailed(f"NVRTC refused {name}: {one_line(log)}")
    return _text(nvrtc, program, "PTX")


def _text(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    """Return a text of NVRTC: one call gives its size with the closing zero, a second call the bytes."""
    size = ctypes.c_size_t()
    _check(nvrtc, nvrtc[f"nvrtcGet{what}Size"](program, ctypes.byref(size)))
    text = ctypes.create_string_buffer(size.value)
    _check(nvrtc, nvrtc[f"nvrtcGet{what}"](program, text))
    return text.value


def _check(nvrtc: ctypes.CDLL, status: int) -> None:
    if status:
        nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise CompilationFailed(f"NVRTC failed: {nvrtc.nvrtcGetErrorString(status).decode()}")
