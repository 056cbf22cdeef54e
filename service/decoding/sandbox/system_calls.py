"""System calls that a decoder has no use for, by their numbers on each CPU.

Source: the kernel's `asm/unistd_64.h` for x86-64 and `asm-generic/unistd.h` for aarch64.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Self

NEWEST = 462
"""Number of the last call that these lists were made with, mseal of Linux 6.10; numbers are the same on every CPU."""

OPEN_FILES = {
    "open": (2, None), "openat": (257, 56), "openat2": (437, 437), "creat": (85, None), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "memfd_create": (319, 279), "memfd_secret": (447, 447), "uselib": (134, None),
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
}  # fmt: skip
"""Calls that open files, or find and watch them."""
CHANGE_FILES = {
    "truncate": (76, 45), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "mknod": (133, None), "mknodat": (259, 33),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
}  # fmt: skip
"""Calls that change files by name, or whom they belong to."""
CHANGE_FILE_SYSTEMS = {
    "chdir": (80, 49), "fchdir": (81, 50), "chroot": (161, 51), "pivot_root": (155, 41), "mount": (165, 40),
    "umount2": (166, 39), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60), "quotactl_fd": (443, 443),
}  # fmt: skip
"""Calls that mount file systems or move the process in them."""
CONNECT = {
    "socket": (41, 198), "socketpair": (53, 199), "bind": (49, 200), "connect": (42, 203), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_notify": (244, 184),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190),
    "semop": (65, 193), "semtimedop": (220, 192), "semctl": (66, 191), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195),
}  # fmt: skip
"""Calls that reach other processes: sockets, queues, shared memory."""
CONTROL_PROCESSES = {
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "setpgid": (109, 154), "setsid": (112, 157), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "ioprio_set": (251, 30), "move_pages": (279, 239), "migrate_pages": (256, 238),
}  # fmt: skip
"""Calls that execute programs, make processes or control others."""
CHANGE_USER = {
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143), "setresuid": (117, 147),
    "setresgid": (119, 149), "setfsuid": (122, 151), "setfsgid": (123, 152), "setgroups": (116, 159),
    "capset": (126, 91), "setns": (308, 268), "unshare": (272, 97), "personality": (135, 92),
}  # fmt: skip
"""Calls that change the process's user, group, capabilities or namespaces."""
ADMINISTER = {
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "acct": (163, 89), "syslog": (103, 116),
    "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "vhangup": (153, 58), "iopl": (172, None),
    "ioperm": (173, None), "modify_ldt": (154, None), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "lookup_dcookie": (212, 18),
}  # fmt: skip
"""Calls that administer the machine."""
ATTACK_SURFACE = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "io_setup": (206, 0),
    "io_submit": (209, 2), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "splice": (275, 76), "tee": (276, 77), "vmsplice": (278, 75),
}  # fmt: skip
"""Calls by which attackers have often taken over kernels."""

KILLED = (
    OPEN_FILES
    | CHANGE_FILES
    | CHANGE_FILE_SYSTEMS
    | CONNECT
    | CONTROL_PROCESSES
    | CHANGE_USER
    | ADMINISTER
    | ATTACK_SURFACE
)
"""Calls at which the process is killed."""

CLONE3, IOCTL = (435, 435), (16, 29)
REFUSED = {
    CLONE3: errno.ENOSYS,  # a filter does not see its flags; the C library goes on with clone
    IOCTL: errno.ENOTTY,  # it can type into the terminal that the service was started from
}
"""Calls that fail, and the errno that they fail with."""

CLONE, SET_PRIORITY, SET_LIMITS = (56, 220), (141, 140), (302, 261)
SEND_SIGNAL = ((62, 129), (200, 130), (234, 131), (129, 138), (297, 240))
"""kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo: all have the process as their first argument."""
CLONE_THREAD = 0x10000

CPUS = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of each `platform.machine()` in these lists, and the kernel's AUDIT_ARCH of it."""


@dataclass(frozen=True)
class Condition:
    """A requirement on a call's argument, counted from 0: its lower 32 bits under `mask` equal `value`."""

    argument: int
    value: int
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True)
class SystemCalls:
    """These lists for one type of CPU; `architecture` is its AUDIT_ARCH."""

    column: int
    architecture: int

    @classmethod
    def of(cls, machine: str) -> Self:
        """Choose by `platform.machine()`; raises OSError for a type of CPU that the lists do not have."""
        if machine not in CPUS:
            raise OSError(errno.ENOSYS, f"the numbers of {machine}'s system calls are not known")
        return cls(*CPUS[machine])

    @property
    def killed(self) -> list[int]:
        """Numbers of the calls at which the process is killed."""
        return [number for row in KILLED.values() if (number := row[self.column]) is not None]

    @property
    def refused(self) -> dict[int, int]:
        """Numbers of the calls that fail, and their errno."""
        return {row[self.column]: error for row, error in REFUSED.items()}

    def limited_for(self, pid: int) -> dict[int, tuple[Condition, ...]]:
        """Return the calls at which the process `pid` is killed unless all conditions hold: threads, not processes;
        signals and limits of its own only.
        """
        thread = Condition(0, CLONE_THREAD, CLONE_THREAD)
        conditions = {
            CLONE: (thread,),
            SET_PRIORITY: (Condition(0, os.PRIO_PROCESS), Condition(1, 0)),
            SET_LIMITS: (Condition(0, 0),),
            **dict.fromkeys(SEND_SIGNAL, (Condition(0, pid),)),
        }
        return {row[self.column]: each for row, each in conditions.items()}
