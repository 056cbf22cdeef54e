"""The architecture, checked: import directions between packages and rooms, no circles, small folders, light imports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.helpers.paths import REPOSITORY

MAY_IMPORT = {
    "clips": (),
    "training": ("clips",),
    "service": ("clips",),
    "export": ("training", "clips", "service.backends", "service.store"),
    "tin": ("service", "clips"),
}
"""The packages, and the others of ours that each may import. `tin` names the rest only in its table of commands."""

ROOMS = {
    "clips": ["clip_spec", "decoding"],
    "training": [
        "errors",
        "files",
        "model",
        "synthetic",
        "lists",
        "checkpoints",
        "zoo",
        "recipes",
        "data",
        "optim",
        "engine",
        "reports",
        "finetune",
    ],
    "service": [
        "store",
        "limits",
        "telemetry",
        "backends",
        "decoding",
        "config",
        "models",
        "teaching",
        "inference",
        "segment_files",
        "open_inference",
        "doctor",
        "api",
        "batch",
        "deployment",
        "console",
        "command_line",
        "live",
        "models_commands",
        "batch_command",
        "timeline_command",
        "predict_command",
        "serve_command",
        "installation_commands",
        "__main__",
    ],
    "export": ["errors", "tensorrt_plugin", "graph", "formats", "parity", "publishing"],
}
"""The rooms of each package from the lowest to the highest: none imports from a higher one."""

MAX_MODULES = 12
RUNTIMES = {"onnxruntime", "tensorrt", "torch", "tritonclient"}


def files_of(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """A module's dotted name."""
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


FILES = [(package, path) for package in MAY_IMPORT for path in files_of(package)]
MODULES = {name_of(path): path for _, path in FILES}

file_by_file = pytest.mark.parametrize(
    ("package", "path"), FILES, ids=lambda value: str(value).removeprefix(f"{REPOSITORY}/")
)


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, at any depth; `from package import module` is the module's."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in named)


def within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def room_of(module: str) -> str | None:
    """The second part of a module's name where it is a room of ROOMS."""
    package, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    return room if room in ROOMS.get(package, ()) else None


@file_by_file
def test_packages_import_one_way(package: str, path: Path) -> None:
    ours = [module for module in imports_of(path) if within(module, tuple(MAY_IMPORT))]
    assert [module for module in ours if not within(module, (package, *MAY_IMPORT[package]))] == []


@pytest.mark.parametrize("package", ROOMS)
def test_every_folder_has_its_level(package: str) -> None:
    folders = {path.parent.name for path in (REPOSITORY / package).glob("*/__init__.py")}
    assert folders <= set(ROOMS[package])


@file_by_file
def test_rooms_import_downwards(package: str, path: Path) -> None:
    rooms, room = ROOMS.get(package, []), room_of(name_of(path))
    if room is None:
        return
    imported = {room_of(module) for module in imports_of(path) if module.split(".")[0] == package} - {None}
    assert [each for each in imported if rooms.index(str(each)) > rooms.index(room)] == []


def test_no_imports_go_in_a_circle() -> None:
    graph = {name: {each for each in imports_of(path) if each in MODULES} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_folder_holds_more_than_a_dozen_modules() -> None:
    folders = {path.parent for path in [*MODULES.values(), *files_of("tests")]}
    modules = {folder: [path for path in folder.glob("*.py") if path.name != "__init__.py"] for folder in folders}
    assert {str(folder): len(found) for folder, found in modules.items() if len(found) > MAX_MODULES} == {}


def test_no_folder_of_the_pages_holds_more_than_a_dozen_scripts_and_styles() -> None:
    web = REPOSITORY / "service" / "web"
    files = [path for kind in ("*.js", "*.css", "*.html") for path in web.rglob(kind)]
    counts = Counter(path.parent.relative_to(web).as_posix() for path in files)
    assert "." not in counts, "a page's files lie in its own folder"
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES} == {}


def test_a_runtime_is_imported_only_in_its_backend() -> None:
    for path in files_of("service"):
        if REPOSITORY / "service" / "backends" not in path.parents:
            assert not RUNTIMES & {module.split(".")[0] for module in imports_of(path)}, path


def test_torchserve_can_be_deleted() -> None:
    """Nothing outside needs its files, unless TorchServe is asked for: all other imports of them wait in functions."""
    deletable = ("service.backends.torchserve", "export.formats.torchserve_")
    for name, path in MODULES.items():
        if not name.startswith(deletable):
            tree = ast.parse(path.read_text())
            at_once = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
            at_once += [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
            assert not [module for module in at_once if str(module).startswith(deletable)], name


def loaded_after(statement: str, *modules: str) -> list[str]:
    code = f"import sys; {statement}; print(*[name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_serving_loads_no_torch() -> None:
    assert loaded_after("import service.api.app", "torch", "onnx", "training", "export") == []


def test_the_server_starts_without_the_libraries_of_others() -> None:
    statement = "import service.__main__, service.serve_command, service.deployment.uvicorn_server"
    assert (
        loaded_after(statement, "rich", "pygments", "httpx", "onnxruntime", "service.console", "service.doctor") == []
    )


def test_settings_are_checked_before_the_web_framework_is_imported() -> None:
    assert loaded_after("import service.serve_command", "fastapi", "uvicorn") == []


def test_training_loads_no_web_stack() -> None:
    assert loaded_after("import training.model.tin", "fastapi", "starlette", "uvicorn", "service") == []


def test_the_base_environment_has_no_torch() -> None:
    python = os.environ.get("TIN_TEST_PYTHON")
    if python is None:
        pytest.skip("TIN_TEST_PYTHON names no base environment; `make test` makes one")
    code = "import importlib.util as u, service.api.app; "
    code += "print(*[name for name in ('torch', 'onnx', 'pytest') if u.find_spec(name)])"
    done = subprocess.run([python, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
