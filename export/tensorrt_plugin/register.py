"""Registration of the ahead-of-time TensorRT plugins, whose PTX becomes part of the engine.

Such an engine loads anywhere, without Python. See "Providing an Ahead-of-Time (AOT) Implementation" in TensorRT's
Python plugin guide. Needs TensorRT 10.9 or newer; import this only where it is installed.
"""

from __future__ import annotations

import tensorrt.plugin as trtp

from export.tensorrt_plugin import interlace_plugin, plan_plugin
from export.tensorrt_plugin.node import DOMAIN, INTERLACE, PLAN

PLUGINS = {INTERLACE: interlace_plugin, PLAN: plan_plugin}


def register() -> None:
    """Register the plugins with TensorRT in this process; a second call has no effect."""
    for name, plugin in PLUGINS.items():
        if not _is_registered(name):
            trtp.register(f"{DOMAIN}::{name}")(plugin.describe)
            trtp.autotune(f"{DOMAIN}::{name}")(plugin.offer_formats)
            trtp.aot_impl(f"{DOMAIN}::{name}")(plugin.implement)


def _is_registered(name: str) -> bool:
    return hasattr(trtp.op, DOMAIN) and hasattr(getattr(trtp.op, DOMAIN), name)
