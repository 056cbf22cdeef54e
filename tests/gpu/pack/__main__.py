"""Pack for a GPU machine without a package index: `python -m tests.gpu.pack --out gpu-pack.tar.xz`.

Wheels of what `python -m tests.gpu` uses besides torch with CUDA, Triton and numpy: video libraries, pydantic, and ONNX
Runtime with CUDA, cut to one architecture and to the kernels that the network may use. There, unpack it into a folder
and put that on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import lzma
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from rich.console import Console

from tests.gpu.pack.fatbin import blank
from tests.helpers.paths import REPOSITORY

PACKAGES = ("av", "pydantic", "pydantic-core", "annotated-types", "typing-inspection", "typing-extensions")
RUNTIME = "onnxruntime-gpu"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
PROVIDER = "libonnxruntime_providers_cuda.so"
LEFT_OUT = re.compile(
    r"/(tools|transformers|quantization|datasets|backend)/|providers_tensorrt|libonnxruntime\.so|\.pyi$"
)
"""Files of ONNX Runtime that Python does not load."""

UNNEEDED = re.compile(rb"cutlass|flash|[Aa]ttention|kernel_mha|MoE|moe_|fpA_intB|[Bb]eam|NBits|[48]bits|[Ss]ort")
"""Parts of the names of kernels for which no node of the network's graph asks."""

MAX_MEGABYTES = 45

FILTERS = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 9}]
"""Compression of machine code, 4 % smaller than without the first; `tar` unpacks it like any xz."""


def main() -> None:
    """Fetch, cut and archive."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.pack", description=__doc__.partition(":")[0])
    parser.add_argument("--out", type=Path, default=Path("gpu-pack.tar.xz"), metavar="FILE")
    parser.add_argument("--python", default="3.12", metavar="VERSION", help="of the GPU machine (%(default)s)")
    parser.add_argument("--architecture", type=int, default=90, metavar="N", help="of its GPU (%(default)s: Hopper)")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        wheels, site = Path(folder) / "wheels", Path(folder) / "site"
        with console.status("fetching wheels"):
            fetch(wheels, arguments.python)
        for wheel in sorted(wheels.glob("*.whl")):
            unpack(wheel, site)
        provider = site / "onnxruntime/capi" / PROVIDER
        library = bytearray(provider.read_bytes())
        kept, blanked = blank(library, arguments.architecture, lambda cubin: not UNNEEDED.search(cubin))
        provider.write_bytes(library)
        console.print(f"{PROVIDER}: kept {kept / 1e6:.1f} MB of kernels, blanked {blanked / 1e6:.1f} MB")
        with console.status("compressing"):
            archive(site, arguments.out)
    megabytes = arguments.out.stat().st_size / 1e6
    console.print(f"{arguments.out}: {megabytes:.1f} MB")
    if megabytes > MAX_MEGABYTES:
        raise SystemExit(f"{arguments.out} has more than {MAX_MEGABYTES} MB")


def fetch(folder: Path, python: str) -> None:
    """Download the wheels in the versions of constraints.txt."""
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    versions = [pinned(package) for package in (*PACKAGES, RUNTIME)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *platforms]
    subprocess.run([*command, "--python-version", python, "--dest", str(folder), *versions], check=True)


def pinned(package: str) -> str:
    """Return `package==version` as constraints.txt has it; raises LookupError."""
    for line in (REPOSITORY / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        if name.lower().replace("_", "-") == package:
            return f"{package}=={version.split()[0]}"
    raise LookupError(f"constraints.txt has no {package}")


def unpack(wheel: Path, site: Path) -> None:
    """Unpack a wheel without what is not loaded."""
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            if not LEFT_OUT.search(name):
                files.extract(name, site)


def archive(site: Path, out: Path) -> None:
    """Write the folder's content to an archive, which appears when it is complete."""
    aside = out.with_suffix(".part")
    with lzma.open(aside, "wb", filters=FILTERS) as compressed, tarfile.open(fileobj=compressed, mode="w") as files:
        for path in sorted(site.iterdir()):
            files.add(path, path.name)
    aside.replace(out)


if __name__ == "__main__":
    main()
