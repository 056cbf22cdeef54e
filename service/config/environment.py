"""Environment variables: refuse one that begins with TIN_ and that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

PREFIX = "TIN_"

TESTS_OWN = re.compile(r"TIN_(TEST|REQUIRE)_\w+")

# Kubernetes describes each Service of the namespace to every pod, as Docker does for links. A Service named `tin` or
# `tin-serve` gives names that begin as ours.
SERVICE_LINK = re.compile(r"TIN_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)")
SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://\S+")


class UnknownVariable(Exception):
    """An environment variable is named as a setting and is none; the message names the nearest one."""


def check_variables(environment: Mapping[str, str], settings: Collection[str]) -> None:
    """Raise UnknownVariable for the first variable that is named as a setting and is not in `settings`.

    Args:
        environment: Variables and their values, such as `os.environ`.
        settings: Names of all settings' variables, in capitals. Case does not matter in `environment`.
    """
    for name, value in environment.items():
        variable = name.upper()
        if variable.startswith(PREFIX) and variable not in settings and not _is_of_others(variable, value):
            raise UnknownVariable(f"{name} is not a setting: {_advice(variable, settings)}")


def is_service_link(value: object) -> bool:
    """Return True for the address of a Service, such as "tcp://10.0.0.7:8000", which is no setting's value."""
    return isinstance(value, str) and SERVICE_LINK_VALUE.fullmatch(value) is not None


def _is_of_others(variable: str, value: str) -> bool:
    if variable.endswith("_PORT") and is_service_link(value):
        return True
    return any(pattern.fullmatch(variable) for pattern in (TESTS_OWN, SERVICE_LINK))


def _advice(variable: str, settings: Collection[str]) -> str:
    nearest = get_close_matches(variable, settings, n=1)
    return f"did you mean {nearest[0]}?" if nearest else "`tin settings` lists all"
