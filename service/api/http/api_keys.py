"""API keys: authentication by the keys of TIN_API_KEYS and TIN_API_KEYS_FILE, if any."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence


class Unauthorised(Exception):
    """The request carries none of the accepted keys."""


def check_key(headers: Mapping[str, str], keys: Sequence[str]) -> str | None:
    """Return a request's key, from `Authorization: Bearer <key>` or `X-API-Key: <key>`; raises Unauthorised.

    None where the service has no keys.
    """
    if not keys:
        return None
    given = _given(headers)
    # All are compared, in constant time, so that response times reveal nothing about any of them.
    matching = [key for key in keys if hmac.compare_digest(key.encode(), given.encode())]
    if not matching:
        problem = "the API key is not valid" if given else "an API key is required"
        raise Unauthorised(f"{problem}; send one as `Authorization: Bearer <key>` or `X-API-Key: <key>`")
    return matching[0]


def _given(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
