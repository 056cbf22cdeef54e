"""CPU quota, by the name under which the stored artifacts' exporter imports it; elsewhere it is `clips.cpu_quota`."""

from clips.cpu_quota import usable_cores

__all__ = ["usable_cores"]
