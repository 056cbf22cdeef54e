"""Checks of an installation, in order: machine, libraries, sandbox, codecs, pipeline, model store.

None of them needs torch: results of the training code are recorded beside the clips in `clips/`.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from importlib import metadata
from pathlib import Path

from clips.cpu_quota import usable_cores
from service.config.settings import Settings
from service.decoding.process import Decoder
from service.decoding.sandbox.confinement import Sandbox
from service.doctor.check import Check, CheckFailed, CheckWarned
from service.doctor.golden import load_golden
from service.doctor.model_checks import ModelChecker
from service.doctor.pipeline_checks import REINSTALL, codec_checks, stage_checks
from service.store.manifest import MANIFEST_FILE
from service.store.model_store import ModelStore
from service.store.policy import PolicyRefused, read_policy, unknown_versions

ALLOW_SANDBOX = "run on Linux (x86-64 or ARM64), and let the container use seccomp or Landlock"
CHANGE_POLICY = "write it again: `tin models pin NAME VERSION`, or `tin models serve NAME latest`"
LIBRARIES = ("av", "numpy", ("onnxruntime", "onnxruntime-gpu"), "opencv-python-headless")
"""Distributions; of those with the same module any is right."""


def checks(settings: Settings) -> Iterator[Check]:
    """Yield every check; run each before the next is requested, which may depend on it."""
    golden = load_golden()
    yield Check("machine", _describe_machine, "nothing to do")
    yield Check("libraries", _name_libraries, REINSTALL)
    free_space = partial(_check_free_space, settings.max_upload_bytes)
    yield Check("temporary space", free_space, "make room there, or name another folder in TMPDIR")
    yield Check("sandbox", partial(_name_sandbox, settings.max_decoder_bytes), ALLOW_SANDBOX)
    yield from codec_checks(golden.clips)
    yield from stage_checks(golden.stages)
    find_models = partial(_find_models, settings.model_store, settings.default_model)
    yield Check("model store", find_models, "name the right one with --store or TIN_MODEL_STORE, or publish a model")
    for name, versions in ModelStore(settings.model_store).versions().items():
        yield Check(f"{name}: policy", partial(_check_policy, settings.model_store / name, versions), CHANGE_POLICY)
        for each in versions:
            with closing(ModelChecker(name, each, settings, golden.stages)) as checker:
                yield from checker.checks()


def _describe_machine() -> str:
    memory = _free_memory()
    free = f", {memory / 1e9:.1f} GB of memory free" if memory else ""
    return (
        f"{usable_cores()} cores{free}; {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    )


def _free_memory() -> int | None:
    """Return the available memory in bytes; None on systems other than Linux."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    available = next((line for line in lines if line.startswith("MemAvailable:")), None)
    return int(available.split()[1]) * 1024 if available else None


def _name_libraries() -> str:
    names = [name if isinstance(name, str) else _installed_of(name) for name in LIBRARIES]
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)


def _installed_of(names: Sequence[str]) -> str:
    installed = {distribution.name for distribution in metadata.distributions()}
    return next((name for name in names if name in installed), names[0])


def _check_free_space(needed: int) -> str:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free in {folder}"
    if free < needed:
        raise CheckFailed(f"{found}, but one upload may take {needed / 1e9:.1f} GB")
    return found


def _name_sandbox(max_memory_bytes: int) -> str:
    with closing(Decoder(max_memory_bytes)) as decoder:
        sandbox = decoder.sandbox
    if sandbox is Sandbox.NONE:
        raise CheckWarned("nothing confines decoders: the kernel offers them neither seccomp nor Landlock")
    return f"{sandbox} confines decoders"


def _find_models(root: Path, default_model: str | None) -> str:
    if not root.is_dir():
        raise CheckFailed(f"there is no folder {root}")
    versions = ModelStore(root).versions()
    if not versions:
        raise CheckFailed(f"{root} holds no model: there is no <name>/<version>/{MANIFEST_FILE} in it")
    if default_model is not None and default_model not in versions:
        raise CheckFailed(f"the default model {default_model!r} is not in {root}")
    _check_every_folder_counts(root)
    held = [f"{name} {version}" for name, each in versions.items() for version in each]
    return f"{root} holds {', '.join(held)}"


def _check_policy(folder: Path, versions: Sequence[str]) -> str:
    try:
        policy = read_policy(folder)
    except PolicyRefused as error:
        raise CheckFailed(str(error)) from error
    if unknown := unknown_versions(policy, versions):
        raise CheckFailed(f"{policy}, but the store has no version {unknown[0]}")
    return f"{policy}: {policy.candidates(versions)[0]} answers by default if it loads"


def _check_every_folder_counts(root: Path) -> None:
    for folder in sorted(root.glob("[!.]*/[!.]*/")):
        if not (folder / MANIFEST_FILE).is_file():
            raise CheckFailed(f"{folder} has no {MANIFEST_FILE}, so it is not served")
