"""The architecture, checked: who imports whom, and what each package loads."""

import ast
import os
import subprocess
import sys

import pytest

from tests.helpers.paths import REPOSITORY

PACKAGES = ("clips", "training", "service", "export", "tin")

MAY_IMPORT = {
    "clips": (),
    "training": ("clips",),
    "service": ("clips",),
    "export": ("training", "clips", "service.backends", "service.store"),
    "tin": ("clips", "service"),
}
RUNTIMES = {"onnxruntime", "tensorrt", "torch"}


def imports_of(path):
    """Every module that a file names, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def modules():
    return [(package, path) for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]


def within(module, names):
    return any(module == name or module.startswith(f"{name}.") for name in names)


@pytest.mark.parametrize(("package", "path"), modules(), ids=lambda value: str(value).removeprefix(f"{REPOSITORY}/"))
def test_imports_go_one_way(package, path):
    ours = [module for module in imports_of(path) if within(module, PACKAGES)]
    assert all(within(module, (package, *MAY_IMPORT[package])) for module in ours), ours


def test_a_runtime_is_imported_only_in_its_backend():
    for path in (REPOSITORY / "service").rglob("*.py"):
        if (REPOSITORY / "service" / "backends") not in path.parents:
            assert not RUNTIMES & {module.split(".")[0] for module in imports_of(path)}, path


def loaded_after(statement, modules):
    code = f"import sys; {statement}; print([name for name in {modules!r} if name in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout


def test_serving_loads_no_torch():
    assert loaded_after("import service.api.app", ["torch", "onnx", "training", "export"]).strip() == "[]"


def test_training_loads_no_web_stack():
    assert loaded_after("import training.model.tin", ["fastapi", "starlette", "uvicorn", "service"]).strip() == "[]"


def test_the_base_environment_has_no_torch():
    python = os.environ.get("TIN_TEST_PYTHON")
    if python is None:
        pytest.skip("TIN_TEST_PYTHON names no base environment; `make test` makes one")
    code = (
        "import importlib.util as u, service.api.app; print([n for n in ('torch', 'onnx', 'pytest') if u.find_spec(n)])"
    )
    found = subprocess.run([python, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
