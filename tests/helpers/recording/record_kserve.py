"""Record the schemas of KServe's resources from the types of its Python package.

    pip download --no-deps kserve==0.21.0 && unzip kserve-0.21.0-py3-none-any.whl -d kserve
    python -m tests.helpers.recording.record_kserve kserve tests/golden/kserve.json

KServe generates these types from the Go types that its CustomResourceDefinitions are generated from. The package is
read and not imported. Types of Kubernetes itself become references to the definitions in kubernetes-validate. Fields of
LEFT_OUT are not followed: a manifest that has one is refused.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

RESOURCES = {"ServingRuntime": "V1alpha1ServingRuntime", "InferenceService": "V1beta1InferenceService"}

KUBERNETES = "https://kubernetes.io/api/_definitions.json"

LEFT_OUT = {
    *("status", "canary", "explainer", "transformer", "tracing", "worker_spec", "auto_scaling"),
    *("huggingface", "lightgbm", "onnx", "paddle", "pmml", "pytorch", "sklearn", "tensorflow", "triton", "xgboost"),
}
"""Attributes of other components than a predictor, and of predictors that name no runtime."""

PLAIN: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "object": {},
    "ResourceQuantity": {"type": ["string", "number"]},
}
"""Types that need no definition."""

_REQUIRED = re.compile(r"Invalid value for `(\w+)`, must not be `None`")


class Schemas:
    """Definitions of the types of a package's folder, by name; each is read when it is first asked for."""

    def __init__(self, package: Path) -> None:
        self._models = package / "kserve" / "models"
        self.definitions: dict[str, Any] = {}

    def schema(self, kind: str) -> dict[str, Any]:
        """Return the schema of a type as the package writes it, such as `list[V1beta1ModelSpec]`."""
        if match := re.fullmatch(r"list\[(.+)\]", kind):
            return {"type": "array", "items": self.schema(match[1])}
        if match := re.fullmatch(r"dict\(str, (.+)\)", kind):
            return {"type": "object", "additionalProperties": self.schema(match[1])}
        if kind in PLAIN:
            return PLAIN[kind]
        file = self._models / f"{_snake(kind)}.py"
        if not file.exists():
            return {"$ref": f"{KUBERNETES}#/$defs/{_kubernetes(kind)}"}
        if kind not in self.definitions:
            self._define(kind, file.read_text())
        return {"$ref": f"#/$defs/{kind}"}

    def _define(self, kind: str, text: str) -> None:
        types, names = _table(text, "openapi_types"), _table(text, "attribute_map")
        definition: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": {}}
        self.definitions[kind] = definition
        for attribute, its_type in types.items():
            schema = False if attribute in LEFT_OUT else self.schema(its_type)
            definition["properties"][names[attribute]] = schema
        required = [names[attribute] for attribute in _REQUIRED.findall(text)]
        if required:
            definition["required"] = required


def _table(text: str, name: str) -> dict[str, str]:
    assigned = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assign))
    value = next(
        node.value for node in assigned if isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    )
    table: dict[str, str] = ast.literal_eval(value)
    return table


def _snake(kind: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind)
    return words.lower()


def _kubernetes(kind: str) -> str:
    """Return a type's name in Kubernetes' own definitions: `io.k8s.api.core.v1.Container` for V1Container."""
    if kind == "K8sIoApiAppsV1DeploymentStrategy":
        return "io.k8s.api.apps.v1.DeploymentStrategy"
    name = kind.removeprefix("V1")
    return f"io.k8s.apimachinery.pkg.apis.meta.v1.{name}" if name == "ObjectMeta" else f"io.k8s.api.core.v1.{name}"


def main(package: Path, target: Path) -> None:
    """Write the schemas of RESOURCES."""
    schemas = Schemas(package)
    resources = {kind: schemas.schema(name) for kind, name in RESOURCES.items()}
    (info,) = package.glob("kserve-*.dist-info")
    origin = f"{info.name.removesuffix('.dist-info')}, types of its Python package; Apache-2.0"
    recorded = {"$comment": origin, "resources": resources, "$defs": dict(sorted(schemas.definitions.items()))}
    target.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
