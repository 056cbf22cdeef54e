"""Devices that models run on: the CPU, or GPUs with a replica on each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

AUTO = "auto"
CPU = "cpu"
_GPU = re.compile(r"cuda(?::(\d{1,2}))?")


@dataclass(frozen=True)
class Devices:
    """GPUs of this machine by CUDA's numbers, with a replica of each model on each; without any, the CPU."""

    gpus: tuple[int, ...] = (0,)
    may_use_cpu: bool = True
    """False if a model that no GPU runs is to be refused."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the devices of a setting: auto is the first GPU, or the CPU where it does not work.

            Devices.parse("cuda:0,cuda:1")    # Devices(gpus=(0, 1), may_use_cpu=False)

        Raises ValueError for anything but auto, cpu, cuda, and GPUs such as cuda:1, each named once.
        """
        names = [name.strip() for name in text.split(",")]
        if names in ([AUTO], [CPU]):
            return cls((0,) if names == [AUTO] else (), may_use_cpu=True)
        gpus = tuple(_number_of(name) for name in names)
        if twice := [gpu for gpu in gpus if gpus.count(gpu) > 1]:
            raise ValueError(f"cuda:{twice[0]} is named twice; each GPU runs one replica")
        return cls(gpus, may_use_cpu=False)

    @property
    def count(self) -> int:
        """Number of devices; the CPU is one."""
        return len(self.gpus) or 1

    def __str__(self) -> str:
        return ",".join(f"cuda:{gpu}" for gpu in self.gpus) or CPU


def _number_of(name: str) -> int:
    if not (found := _GPU.fullmatch(name)):
        raise ValueError(f"{name!r} is no device: write auto, cpu, cuda:0, or several GPUs as in cuda:0,cuda:1")
    return int(found[1] or 0)
