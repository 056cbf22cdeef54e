import httpx
import pytest

from service.api.http.api_keys import Unauthorised, check_key

KEYS = ["first", "sécond"]


def test_without_keys_everyone_is_let_in():
    assert check_key({"x-api-key": "anything"}, []) is None


@pytest.mark.parametrize("headers", [{"authorization": "Bearer sécond"}, {"x-api-key": "sécond"}])
def test_a_key_may_stand_in_either_header(headers):
    assert check_key(headers, KEYS) == "sécond"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic first"}, {"x-api-key": ""}])
def test_no_key_is_refused(headers):
    with pytest.raises(Unauthorised):
        check_key(headers, KEYS)


@pytest.mark.parametrize("headers", [{"authorization": "Bearer fir"}, {"x-api-key": "first sécond"}])
def test_a_wrong_key_is_refused(headers):
    with pytest.raises(Unauthorised):
        check_key(headers, KEYS)


def test_a_server_with_keys_asks_for_one(start_service, store, videos):
    address = start_service(model_store=store, api_keys="one, two")
    refused = httpx.post(f"{address}/predict", content=videos["mp4"])
    assert (refused.status_code, refused.json()["type"]) == (401, "/problems/unauthorised")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert httpx.post(f"{address}/predict", content=videos["mp4"], headers={"X-API-Key": "two"}).status_code == 200
    assert httpx.get(f"{address}/health/ready").status_code == 200
