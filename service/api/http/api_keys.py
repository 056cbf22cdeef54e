"""Who asks: the optional API keys of TIN_API_KEYS."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence


class Unauthorised(Exception):
    """The request carries none of the keys that are let in."""


def check_key(headers: Mapping[str, str], keys: Sequence[str]) -> str | None:
    """The key that a request carries, None where the service has no keys; raises Unauthorised.

    It stands in `Authorization: Bearer <key>` or in `X-API-Key: <key>`.
    """
    if not keys:
        return None
    given = _given(headers)
    # Each is compared, in constant time, so that the time of an answer tells nothing about any.
    matching = [key for key in keys if hmac.compare_digest(key.encode(), given.encode())]
    if not matching:
        problem = "does not know the key that came" if given else "asks for a key"
        raise Unauthorised(f"this service {problem}: send one as `Authorization: Bearer <key>` or as `X-API-Key`")
    return matching[0]


def _given(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
