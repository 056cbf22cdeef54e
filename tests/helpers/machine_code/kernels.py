"""The kernels' machine code for GPUs that are not here, and the record of it that tests compare it with.

    python -m tests.helpers.machine_code.kernels

writes the record anew, after a change of a kernel or of a compiler. Look at the difference before you commit it.
"""

import json
import sys
from dataclasses import asdict

from export.tensorrt_plugin.compile import INTERLACE, PLAN, compile_ptx
from tests.helpers.machine_code.cubin import ARCHITECTURES, MachineCode, assemble, disassemble
from tests.helpers.paths import REPOSITORY

RECORD = REPOSITORY / "tests" / "golden" / "machine_code.json"

TRITON_DTYPES = ("fp32", "fp16")
TRITON_LAYOUTS = {"contiguous": {"runs": 1, "run": 16 * 56 * 56}, "channels_last": {"run": 4}}
"""The interlaced quarter of an R50's first block: 64 channels, of which a group has 4, at 56 x 56."""


def cuda_kernels(capability):
    """Return the MachineCode of all kernels of the TensorRT plugins, for clips of 8 frames, by name."""
    return {
        name: code
        for source in (INTERLACE, PLAN)
        for name, code in disassemble(assemble(compile_ptx(source, 8), capability)).items()
    }


def triton_kernels(capability):
    """Return the MachineCode of both Triton kernels by name, type and layout."""
    from training.model.interlace_triton import _backward, _forward  # noqa: PLC0415 - it needs triton

    return {
        f"{kernel.__name__}_{dtype}_{layout}": only_kernel(
            compile_triton(kernel, dtype, capability, {"block": 1024, "num_frames": 8, "sign": 1} | sizes)
        )
        for kernel in (_forward, _backward)
        for dtype in TRITON_DTYPES
        for layout, sizes in TRITON_LAYOUTS.items()
    }


def compile_triton(kernel, dtype, capability, constants):
    """Return the cubin of a Triton kernel for a compute capability.

    `constants` are compiled in. Other integers are 32 bits, and a multiple of 16 like the addresses.
    """
    from triton import compile as compile_kernel  # noqa: PLC0415
    from triton.backends.compiler import GPUTarget  # noqa: PLC0415
    from triton.compiler import ASTSource  # noqa: PLC0415

    types = dict.fromkeys(("features", "moved", "upstream", "gradient"), f"*{dtype}")
    types |= dict.fromkeys(("offsets", "weights", "of_offsets", "of_weights"), "*fp32")
    types |= dict.fromkeys(constants, "constexpr")
    signature = {name: types.get(name, "i32") for name in kernel.arg_names}
    given = {name: value for name, value in constants.items() if name in signature}
    aligned = {
        (index,): [["tt.divisibility", 16]]
        for index, name in enumerate(kernel.arg_names)
        if signature[name] != "constexpr"
    }
    target = GPUTarget("cuda", capability, 32)
    return compile_kernel(ASTSource(kernel, signature, given, aligned), target=target).asm["cubin"]


def only_kernel(cubin):
    """Return the MachineCode of a cubin's only kernel."""
    [code] = disassemble(cubin).values()
    return code


SOURCES = {"cuda": cuda_kernels, "triton": triton_kernels}


def read_record(source, capability):
    """Return the recorded MachineCode of a source's kernels for a compute capability, by name."""
    recorded = json.loads(RECORD.read_text())[source][f"sm_{capability}"]
    return {name: MachineCode(**code) for name, code in recorded.items()}


def main():
    record = {
        source: {f"sm_{each}": {name: asdict(code) for name, code in make(each).items()} for each in ARCHITECTURES}
        for source, make in SOURCES.items()
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    sys.stdout.write(f"wrote {RECORD.relative_to(REPOSITORY)}\n")


if __name__ == "__main__":
    main()
