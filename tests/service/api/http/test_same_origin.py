"""Same origin: the page and programs may change something, other pages may not."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from service.api.http.same_origin import CrossOrigin, check_same_origin


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "tin.example"},
        {"host": "tin.example", "sec-fetch-site": "same-origin", "origin": "https://tin.example"},
        {"host": "10.0.0.1:8000", "sec-fetch-site": "same-origin", "origin": "https://tin.example"},
        {"host": "tin.example", "sec-fetch-site": "none"},
        {"host": "192.168.0.7:8000", "origin": "http://192.168.0.7:8000"},
    ],
)
def test_its_own_page_and_programs_pass(headers: dict[str, str]) -> None:
    check_same_origin(Headers(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "tin.example", "sec-fetch-site": "cross-site", "origin": "https://tin.example"},
        {"host": "tin.example", "sec-fetch-site": "same-site"},
        {"host": "localhost:8000", "origin": "http://evil.example"},
        {"host": "localhost:8000", "origin": "http://localhost:9000"},
        {"host": "localhost:8000", "origin": "null"},
    ],
)
def test_other_pages_do_not(headers: dict[str, str]) -> None:
    with pytest.raises(CrossOrigin):
        check_same_origin(Headers(headers))
