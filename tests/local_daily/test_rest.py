"""Daily's REST API as documented, and stricter where it isn't: what a request gets that isn't right."""

import re
import time
from typing import Any

import httpx
import jwt
import pytest

from local.daily.admin_client import Admin
from tests.local_daily.conftest import Daily

IN_A_MINUTE = "in a minute"


def test_a_request_without_a_bearer_is_400_and_with_a_wrong_key_401(stand_in: Admin, daily: Daily) -> None:
    plain = httpx.get(f"{stand_in.api_url}/rooms", trust_env=False)
    wrong = httpx.get(f"{stand_in.api_url}/rooms", headers={"Authorization": "Bearer no-key"}, trust_env=False)
    assert (plain.status_code, plain.json()) == (400, {"error": "authorization-header-error"})
    assert (wrong.status_code, wrong.json()) == (401, {"error": "authentication-error"})


def test_a_room_is_made_with_its_properties_and_found_again(daily: Daily) -> None:
    exp = int(time.time()) + 60
    made = daily.make_room(exp=exp, eject_at_room_exp=True, max_participants=4, geo=None)
    assert made["url"] == f"https://{daily.account.domain}.daily.co/a-room"
    assert (made["privacy"], made["api_created"]) == ("private", True)
    assert made["config"] == {"exp": exp, "eject_at_room_exp": True, "max_participants": 4}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["created_at"])
    assert daily.http.get("/rooms/a-room").json() == made


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a room"},
        {"name": "a" * 129},
        {"privacy": "secret"},
        {"properties": {"exp": "soon"}},
        {"properties": {"exp": 1}},
        {"properties": {"max_participants": 201}},
        {"properties": {"max_participants": True}},
        {"properties": {"geo": "eu-north-1"}},
        {"properties": {"enable_recording": "on"}},
        {"properties": {"no_such_property": True}},
        {"properties": {"sip": {"sip_mode": "dial-out", "display_name": "x"}, "exp": IN_A_MINUTE}},
        {"properties": {"sip": {"sip_mode": "dial-in", "display_name": "x"}}},
        {"properties": {"permissions": {"canSend": ["smell"]}}},
        {"no_such_member": 1},
    ],
)
def test_a_room_that_daily_would_refuse_is_refused(daily: Daily, body: dict[str, Any]) -> None:
    if body.get("properties", {}).get("exp") == IN_A_MINUTE:
        body = {"properties": {**body["properties"], "exp": int(time.time()) + 60}}
    answer = daily.http.post("/rooms", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-request-error")


def test_a_body_has_to_be_declared_as_json(daily: Daily) -> None:
    assert daily.http.post("/rooms", content=b"{}").status_code == 400


def test_a_name_is_taken_until_its_room_has_expired(daily: Daily) -> None:
    daily.make_room(exp=int(time.time()) + 2)
    again = daily.http.post("/rooms", json={"name": "a-room"})
    assert (again.status_code, again.json()["info"].endswith("already exists")) == (400, True)
    while daily.http.get("/rooms/a-room").status_code == 200:
        time.sleep(0.1)
    assert daily.http.get("/rooms").json()["total_count"] == 0
    assert daily.http.post("/rooms", json={"name": "a-room"}).status_code == 200


def test_an_expired_room_that_is_deleted_is_missing_and_deleted(daily: Daily) -> None:
    daily.make_room(exp=int(time.time()) + 2)
    while daily.http.get("/rooms/a-room").status_code == 200:
        time.sleep(0.1)
    gone = daily.http.delete("/rooms/a-room")
    assert (gone.status_code, gone.json()["deleted"]) == (404, True)
    assert "deleted" not in daily.http.delete("/rooms/a-room").json()


def test_rooms_are_listed_newest_first_in_pages(daily: Daily) -> None:
    made = [daily.make_room(f"room-{number}") for number in range(5)]
    first = daily.http.get("/rooms", params={"limit": 2}).json()
    assert (first["total_count"], [room["name"] for room in first["data"]]) == (5, ["room-4", "room-3"])
    then = daily.http.get("/rooms", params={"limit": 2, "starting_after": first["data"][-1]["id"]}).json()
    assert [room["name"] for room in then["data"]] == ["room-2", "room-1"]
    before = daily.http.get("/rooms", params={"limit": 2, "ending_before": made[2]["id"]}).json()
    assert [room["name"] for room in before["data"]] == ["room-4", "room-3"]
    for refused in ({"limit": 101}, {"limit": 0}, {"starting_after": "no-room"}, {"page": 2}):
        assert daily.http.get("/rooms", params=refused).status_code == 400


@pytest.mark.parametrize("member", ["room_names", "rooms"])
def test_a_batch_is_deleted_whole_or_not_at_all(daily: Daily, member: str) -> None:
    daily.admin.set_batch_member(daily.account, member)
    for name in ("one", "two"):
        daily.make_room(name)
    refused = daily.http.request("DELETE", "/batch/rooms", json={member: ["one", "two", "three"]})
    assert refused.status_code == 404
    assert len(daily.admin.rooms(daily.account)) == 2
    other = {"room_names": "rooms", "rooms": "room_names"}[member]
    assert daily.http.request("DELETE", "/batch/rooms", json={other: ["one"]}).status_code == 400
    assert daily.http.request("DELETE", "/batch/rooms", json={member: ["one", "two"]}).json() == {"deleted_count": 2}


def test_a_batch_has_a_thousand_names_at_most(daily: Daily) -> None:
    assert daily.http.request("DELETE", "/batch/rooms", json={"room_names": ["a"] * 1001}).status_code == 400
    assert daily.http.request("DELETE", "/batch/rooms", json={"room_names": []}).status_code == 400


def test_too_many_requests_are_429_without_saying_when_to_come_again(daily: Daily) -> None:
    daily.admin.set_limits(daily.account, most=2)
    answers = [daily.http.get("/rooms") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json() == {"error": "rate-limit-error"}
    assert "retry-after" not in answers[-1].headers
    daily.admin.set_retry_after(daily.account, 3)
    assert daily.http.get("/rooms").headers["retry-after"] == "3"


def test_deletions_have_a_limit_of_their_own(daily: Daily) -> None:
    for name in ("one", "two", "three"):
        daily.make_room(name)
    daily.admin.set_limits(daily.account, deletions=2)
    assert [daily.http.delete(f"/rooms/{name}").status_code for name in ("one", "two", "three")] == [200, 200, 429]
    assert daily.http.get("/rooms").status_code == 200


def test_a_token_of_daily_is_a_jwt_with_short_names(daily: Daily) -> None:
    exp = int(time.time()) + 60
    properties = {"room_name": "a-room", "exp": exp, "is_owner": True, "user_id": "me", "eject_at_token_exp": True}
    made = daily.http.post("/meeting-tokens", json={"properties": properties}).json()["token"]
    claims = jwt.decode(made, daily.account.api_key, algorithms=["HS256"])
    assert {**claims, "iat": 0} == {
        "r": "a-room", "exp": exp, "o": True, "ud": "me", "ejt": True, "d": daily.account.domain_id, "iat": 0,
    }  # fmt: skip
    for wrong in ({"room": "a-room"}, {"is_owner": "yes"}, {"user_id": "x" * 37}, {"exp": 1}):
        assert daily.http.post("/meeting-tokens", json={"properties": wrong}).status_code == 400


def test_the_domain_tells_its_id(daily: Daily) -> None:
    told = daily.http.get("/").json()
    assert (told["domain_name"], told["domain_id"]) == (daily.account.domain, daily.account.domain_id)


def test_a_new_key_makes_the_old_one_useless(daily: Daily) -> None:
    daily.admin.set_api_key(daily.account, "another-key")
    assert daily.http.get("/rooms").status_code == 401


def test_a_test_can_have_requests_fail_and_see_what_was_asked(daily: Daily) -> None:
    daily.admin.fail(daily.account, status=500)
    assert [daily.http.get("/presence").status_code for _ in range(2)] == [500, 200]
    assert daily.admin.requests(daily.account) == [
        {"method": "GET", "path": "/presence", "status": 500},
        {"method": "GET", "path": "/presence", "status": 200},
    ]


def test_no_account_has_the_key_or_the_domain_of_another(stand_in: Admin, daily: Daily) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        stand_in.add_account(domain=daily.account.domain)
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        stand_in.add_account(api_key=daily.account.api_key)
