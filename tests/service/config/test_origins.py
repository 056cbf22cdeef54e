"""Origins: those that browsers send pass, all others are refused with what to write."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from service.config.origins import parse_origins
from service.config.settings import Settings


def test_origins_are_separated_by_commas():
    assert parse_origins("https://app.example, http://localhost:5173,") == (
        "https://app.example",
        "http://localhost:5173",
    )
    assert parse_origins(" ") == ()


@pytest.mark.parametrize(
    "origin",
    ["http://10.0.0.7:3000", "http://[::1]:8080", "capacitor://localhost", "https://xn--bcher-kva.example:444"],
)
def test_an_origin_may_have_a_port_and_any_scheme(origin):
    assert parse_origins(origin) == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "app.example",
        "https://app.example/",
        "https://app.example/path",
        "https://*.example",
        "https://App.example",
        "https://app.example:443",
        "http://app.example:80",
        "https://me@app.example",
        "https://a.example https://b.example",
        "https://",
    ],
)
def test_what_no_browser_sends_is_refused_by_name(origin):
    with pytest.raises(ValueError, match="such as https") as refused:
        parse_origins(f"http://localhost:3000,{origin}")
    assert repr(origin) in str(refused.value)
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings(cors_origins=origin)
