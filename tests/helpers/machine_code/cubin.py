"""Machine code of kernels, assembled for GPUs that are not here by the tools inside the package triton."""

import importlib.util
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ARCHITECTURES = (80, 90, 100)
"""Ampere (A100), Hopper (H100, H200) and Blackwell (B200), by compute capability."""

INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+ )?([A-Z][\w.]*)", re.MULTILINE)
ACCESS = re.compile(r"(LDG|STG)\.(?:[A-Z]+\.)*(U8|S8|U16|S16|64|128)?\b")


@dataclass(frozen=True)
class MachineCode:
    """One kernel's code: counts of instructions, registers of a thread, and bytes that a thread spills to memory.

    `loads` and `stores` count accesses to global memory by width in bits.
    """

    instructions: int
    registers: int
    spilled: int
    loads: dict[str, int]
    stores: dict[str, int]


def why_no_assembler():
    """Return the reason to skip tests of machine code; empty where it can be made."""
    return "" if importlib.util.find_spec("triton") else "triton, whose ptxas and cuobjdump are used, is not installed"


def assemble(ptx, capability):
    """Return the cubin of PTX for a compute capability, as a driver would make it."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "kernels.ptx"), Path(folder, "kernels.cubin")
        source.write_bytes(ptx)
        # Of Triton's two assemblers the one for Blackwell knows all architectures, and the newest PTX.
        _run("ptxas-blackwell", f"-arch=sm_{capability}", "-o", target, source)
        return target.read_bytes()


def disassemble(cubin):
    """Return each kernel's MachineCode by name."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        code = _by_kernel(_run("cuobjdump", "-sass", file.name), r"Function : (\w+)")
        usage = _by_kernel(_run("cuobjdump", "-res-usage", file.name), r"Function (\w+):")
    return {kernel: _measure(code[kernel], usage[kernel]) for kernel in code}


def _measure(code, usage):
    used = {name: int(amount) for name, amount in re.findall(r"\b(\w+):(\d+)", usage)}
    instructions = [name for name in INSTRUCTION.findall(code) if name != "NOP"]
    loads, stores = _widths(instructions, "LDG"), _widths(instructions, "STG")
    return MachineCode(len(instructions), used["REG"], used["STACK"] + used["LOCAL"], loads, stores)


def _widths(instructions, operation):
    accesses = [match for match in map(ACCESS.match, instructions) if match and match[1] == operation]
    return dict(sorted(Counter((match[2] or "32").lstrip("US") for match in accesses).items()))


def _by_kernel(text, heading):
    _, *parts = re.split(heading, text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def regressions(found, recorded):
    """Return what got worse than recorded, by kernel: 5 % more instructions, 4 more registers, other accesses."""
    assert found.keys() == recorded.keys()
    return {kernel: (found[kernel], recorded[kernel]) for kernel in found if _is_worse(found[kernel], recorded[kernel])}


def _is_worse(found, recorded):
    return (
        found.instructions > 1.05 * recorded.instructions
        or found.registers > recorded.registers + 4
        or found.spilled > recorded.spilled
        or (found.loads, found.stores) != (recorded.loads, recorded.stores)
    )


def _run(tool, *arguments):
    import triton  # noqa: PLC0415 - it is an option of the tests

    program = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / tool
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=True).stdout
