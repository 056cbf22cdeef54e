"""The filter kills processes that open, connect, execute or fork, and lets a decoder do what it must."""

from __future__ import annotations

import errno
import platform
import signal
import struct

import pytest

from service.decoding.sandbox import seccomp
from service.decoding.sandbox.system_calls import CPUS, NEWEST, SystemCalls
from tests.helpers.hostile.confined import run_confined

pytestmark = pytest.mark.skipif(platform.machine() not in CPUS, reason="the filter is for x86-64 and aarch64")

MODULES = "ctypes, errno, io, mmap, os, resource, signal, socket, subprocess, sys, threading, time"
PID = 4321


@pytest.mark.parametrize(
    "statement",
    [
        "open(sys.argv[1])",
        "os.open(sys.argv[1], os.O_RDONLY)",
        "os.open('new', os.O_CREAT | os.O_WRONLY)",
        "os.memfd_create('memory')",
        "os.truncate(sys.argv[1], 0)",
        "os.unlink(sys.argv[1])",
        "os.rename(sys.argv[1], 'other')",
        "os.symlink(sys.argv[1], 'other')",
        "os.mkdir('folder')",
        "os.chmod(sys.argv[1], 0o777)",
        "os.chdir('/')",
        "socket.socket()",
        "socket.socketpair()",
        "socket.socket(socket.AF_UNIX)",
        "os.execv(sys.executable, [sys.executable])",
        "os.fork()",
        "os.posix_spawn(sys.executable, [sys.executable], {})",
        "subprocess.run([sys.executable])",
        "os.kill(os.getppid(), 0)",
        "os.kill(0, signal.SIGTERM)",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "os.setpriority(os.PRIO_USER, 0, 19)",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "os.sched_setaffinity(0, os.sched_getaffinity(0))",
        "os.setuid(os.getuid())",
        "ctypes.CDLL('libresolv.so.2')",
    ],
)
def test_what_a_decoder_has_no_use_for_is_killed(statement, tmp_path):
    file = tmp_path / "file"
    file.touch(0o600)
    assert run_confined(statement, str(file), imports=MODULES) == -signal.SIGSYS
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("address", ["{}", "concat:{}", "tcp://127.0.0.1:9"])
def test_what_ffmpeg_opens_by_itself_is_killed(address, make_video):
    statement = f"av.open({address!r}.format(sys.argv[1]))"
    assert run_confined(statement, str(make_video(2)), imports="av, sys") == -signal.SIGSYS


@pytest.mark.parametrize(
    "statement",
    [
        "io.BytesIO(b'x').read()",
        "os.write(1, b'x')",
        "os.nice(1)",
        "os.kill(os.getpid(), 0)",
        "os.stat('/')",
        "os.urandom(8)",
        "time.sleep(0.001)",
        "thread = threading.Thread(target=bytearray, args=(1 << 24,)); thread.start(); thread.join()",
        "resource.setrlimit(resource.RLIMIT_CPU, (60, resource.getrlimit(resource.RLIMIT_CPU)[1]))",
        "os.pread(descriptor, 2, 0)",
    ],
)
def test_what_a_decoder_needs_goes_on(statement):
    opened = "descriptor = os.open('/dev/zero', os.O_RDONLY)"
    confine = f"{opened}\nfrom service.decoding.sandbox.seccomp import confine; confine()"
    assert run_confined(statement, imports=MODULES, confine=confine) == 0


def test_calls_newer_than_the_list_do_not_exist():
    for number in (NEWEST + 1, 0x40000000 | 39):
        failed = f"ctypes.CDLL(None, use_errno=True).syscall({number}) == -1 and ctypes.get_errno() == errno.ENOSYS"
        assert run_confined(f"assert {failed}", imports=MODULES) == 0


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are instructions of x86-64")
def test_the_calls_of_32_bit_programs_are_killed():
    getpid_by_interrupt = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
    page = f"page = mmap.mmap(-1, 4096, prot=7); page.write({getpid_by_interrupt!r})"
    call = "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"
    ended = run_confined(f"{page}; {call}", imports=MODULES)
    assert ended in (-signal.SIGSYS, -signal.SIGSEGV)  # the latter where the kernel has no 32-bit calls at all


@pytest.mark.skipif(platform.machine() != "x86_64", reason="its numbers are those of x86-64")
def test_a_terminal_is_not_typed_into():
    typed = "ctypes.CDLL(None, use_errno=True).ioctl(0, 0x5412, b'x') == -1 and ctypes.get_errno() == errno.ENOTTY"
    assert run_confined(f"assert {typed}", imports=MODULES) == 0


def run_filter(program: list[bytes], architecture: int, number: int, *arguments: int) -> int:
    """Run a filter as the kernel would; return its verdict."""
    data = struct.pack("IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    at = value = 0
    while True:
        code, if_true, if_false, operand = struct.unpack("HBBI", program[at])
        at += 1
        match code:
            case seccomp.LOAD:
                (value,) = struct.unpack_from("I", data, operand)
            case seccomp.AND:
                value &= operand
            case seccomp.JUMP_IF_EQUAL:
                at += if_true if value == operand else if_false
            case seccomp.JUMP_IF_GREATER:
                at += if_true if value > operand else if_false
            case seccomp.RETURN:
                return int(operand)


@pytest.mark.parametrize("machine", CPUS)
def test_every_cpu_has_the_same_verdicts(machine):
    calls = SystemCalls.of(machine)
    program = seccomp.filter_of(calls, PID)
    openat, clone, kill, read = {"x86_64": (257, 56, 62, 0), "aarch64": (56, 220, 129, 63)}[machine]

    def verdict(number, *arguments, architecture=calls.architecture):
        return run_filter(program, architecture, number, *arguments)

    assert verdict(read) == seccomp.ALLOW
    assert verdict(read, architecture=0x40000003) == seccomp.KILL_PROCESS
    assert {verdict(number) for number in calls.killed} == {seccomp.KILL_PROCESS}
    assert openat in calls.killed
    assert verdict(clone, 0x3D0F00) == seccomp.ALLOW
    assert verdict(clone, 0x1200011) == seccomp.KILL_PROCESS
    assert verdict(kill, PID) == seccomp.ALLOW
    assert verdict(kill, PID + 1) == verdict(kill, 2**32 - 1) == seccomp.KILL_PROCESS
    assert verdict(435) == verdict(NEWEST + 1) == seccomp.REFUSE | errno.ENOSYS


def test_another_cpu_is_an_error_of_the_system():
    with pytest.raises(OSError, match="riscv64"):
        SystemCalls.of("riscv64")
