"""Timing caches, with a build configuration that takes and gives them like TensorRT's."""

from dataclasses import dataclass, field

from export.formats.timing_cache import load_timings, save_timings, timings_file
from service.backends.tensorrt import Target

L4, H200 = Target("NVIDIA L4", "11.4.0.106"), Target("NVIDIA H200", "11.4.0.106")


@dataclass
class Cache:
    """Timings; those of another GPU are refused by the configuration."""

    content: bytes

    def serialize(self):
        return memoryview(self.content)


@dataclass
class Configuration:
    """Build configuration on one GPU, `ours`; `cache` is what a build uses and extends."""

    cache: Cache | None = None
    refused: list[bytes] = field(default_factory=list)

    def create_timing_cache(self, content):
        return None if content == b"damaged" else Cache(content)

    def set_timing_cache(self, cache, ignore_mismatch):
        if cache.content not in {b"", b"ours"} and not ignore_mismatch:
            self.refused.append(cache.content)
            return False
        self.cache = cache
        return True

    def get_timing_cache(self):
        return self.cache


def used(tmp_path, content):
    file = tmp_path / "timings"
    file.write_bytes(content)
    config = Configuration()
    load_timings(config, file)
    return config


def test_timings_of_this_gpu_are_used(tmp_path):
    assert used(tmp_path, b"ours").cache == Cache(b"ours")


def test_timings_of_another_gpu_give_way_to_an_empty_cache(tmp_path):
    config = used(tmp_path, b"another's")
    assert (config.cache, config.refused) == (Cache(b""), [b"another's"])


def test_damaged_or_missing_timings_give_way_to_an_empty_cache(tmp_path):
    assert used(tmp_path, b"damaged").cache == Cache(b"")
    config = Configuration()
    load_timings(config, tmp_path / "missing")
    assert config.cache == Cache(b"")


def test_timings_are_saved(tmp_path):
    file = tmp_path / "made" / "timings"
    save_timings(Configuration(Cache(b"ours")), file)
    assert file.read_bytes() == b"ours"


def test_a_build_without_timings_saves_none(tmp_path):
    save_timings(Configuration(), tmp_path / "timings")
    assert list(tmp_path.iterdir()) == []


def test_each_target_and_precision_has_its_own_file(tmp_path):
    files = [timings_file(tmp_path, target, precision) for target in (L4, H200) for precision in ("fp16", "fp32")]
    assert files[0] == tmp_path / "model-nvidia-l4-fp16-trt11.4.0.106.timings"
    assert len(set(files)) == 4
