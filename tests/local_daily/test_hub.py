"""Who may join a room, what those inside get of each other, and when they are put out."""

import asyncio
import math
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from local.daily.participant import NotAdmittedError, Participant
from tests.local_daily.conftest import Daily

TONE = b"".join(struct.pack("<h", int(8_000 * math.sin(sample / 8))) for sample in range(4_000))


async def refusal(daily: Daily, token: str | None) -> str:
    room_url = f"https://{daily.account.domain}.daily.co/a-room"
    with pytest.raises(NotAdmittedError) as refused:
        async with Participant.join(daily.base_url, room_url=room_url, token=token):
            pass
    return str(refused.value).partition(":")[0]


@pytest.mark.parametrize(
    ("claims", "kind"),
    [
        ({"exp": 1}, "exp-token"),
        ({"nbf": 2**31}, "nbf-token"),
        ({"room": "another-room"}, "not-allowed"),
        ({"d": "another-domain"}, "not-allowed"),
        ({"d": None}, "not-allowed"),
        ({"iat": None}, "not-allowed"),
        ({"iat": 2**31}, "not-allowed"),
        ({"api_key": "another-key"}, "not-allowed"),
        ({"o": "true"}, "not-allowed"),
        ({"ud": "x" * 37}, "not-allowed"),
        ({"owner": True}, "not-allowed"),
    ],
)
async def test_a_token_that_is_not_right_opens_nothing(daily: Daily, claims: Mapping[str, Any], kind: str) -> None:
    daily.make_room()
    assert await refusal(daily, daily.token(**claims)) == kind


async def test_a_private_room_wants_a_token_and_a_public_one_none(daily: Daily) -> None:
    daily.make_room()
    assert await refusal(daily, None) == "not-allowed"
    url = daily.make_room("open", privacy="public")["url"]
    async with Participant.join(daily.base_url, room_url=url) as person:
        assert person.info["isOwner"] is False


async def test_there_has_to_be_a_room_and_it_has_to_be_open(daily: Daily) -> None:
    assert await refusal(daily, daily.token()) == "no-room"
    daily.make_room(nbf=int(time.time()) + 600)
    assert await refusal(daily, daily.token()) == "nbf-room"


async def test_a_room_takes_so_many(daily: Daily) -> None:
    url = daily.make_room(max_participants=1)["url"]
    async with Participant.join(daily.base_url, room_url=url, token=daily.token()):
        assert await refusal(daily, daily.token()) == "meeting-full"
    async with Participant.join(daily.base_url, room_url=url, token=daily.token()):
        pass


async def test_people_see_each_other_come_and_go(daily: Daily) -> None:
    url = daily.make_room()["url"]
    async with Participant.join(daily.base_url, room_url=url, token=daily.token(ud="one", u="One", o=True)) as one:
        async with Participant.join(daily.base_url, room_url=url, token=daily.token(ud="two"), user_name="Two") as two:
            joined = (await one.event("participant-joined"))["participant"]
            assert (joined["id"], joined["info"]["userId"], joined["info"]["userName"]) == (two.id, "two", "Two")
            (there,) = two.participants.values()
            assert (there["info"]["userName"], there["info"]["isOwner"]) == ("One", True)
            presence = daily.http.get("/presence").json()["a-room"]
            assert {person["userId"] for person in presence} == {"one", "two"}
            assert {person["id"] for person in presence} == {one.id, two.id}
        left = await one.event("participant-left")
        assert (left["participant"]["id"], left["reason"]) == (two.id, "leftCall")
    assert [(each["room"], each["claims"]["ud"]) for each in daily.admin.joins(daily.account)] == [
        ("a-room", "one"),
        ("a-room", "two"),
    ]


async def test_one_who_is_killed_has_left(daily: Daily) -> None:
    url = daily.make_room()["url"]
    async with (
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as one,
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as two,
    ):
        await two.drop()
        await one.event("participant-left")


async def test_audio_goes_to_all_others_and_says_whose_it_is(daily: Daily) -> None:
    url = daily.make_room()["url"]
    async with (
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as one,
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as two,
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as three,
    ):
        await one.speak(TONE, sample_rate=16_000)
        for other in (two, three):
            await other.audio(seconds=0.25)
            assert other.heard(one.id) == (TONE, 16_000)
        assert one.heard() == (b"", 16_000)
        assert (await three.event("active-speaker-changed"))["participant"]["id"] == one.id


async def test_a_microphone_that_is_off_is_seen_and_not_heard(daily: Daily) -> None:
    url = daily.make_room()["url"]
    async with (
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as one,
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as two,
    ):
        await one.mute()
        updated = (await two.event("participant-updated"))["participant"]
        assert updated["media"]["microphone"]["state"] == "off"
        await one.speak(TONE, sample_rate=16_000)
        await one.send_app_message("said")
        await two.event("app-message")
        assert two.heard(one.id)[0] == b""


async def test_a_message_goes_to_one_or_to_all_others(daily: Daily) -> None:
    url = daily.make_room()["url"]
    async with (
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as one,
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as two,
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as three,
    ):
        await one.send_app_message({"for": "two"}, to=two.id)
        await one.send_app_message({"for": "all"})
        for person, received in ((two, ["two", "all"]), (three, ["all"])):
            while len(person.app_messages) < len(received):
                await person.event("app-message")
            assert [(message["from"], message["data"]["for"]) for message in person.app_messages] == [
                (one.id, each) for each in received
            ]
        assert one.app_messages == []
        with pytest.raises(PermissionError, match="no such participant"):
            await one.send_app_message({}, to="nobody")


async def test_only_an_owner_puts_others_out(daily: Daily) -> None:
    url = daily.make_room()["url"]
    async with (
        Participant.join(daily.base_url, room_url=url, token=daily.token(o=True, ud="owner")) as owner,
        Participant.join(daily.base_url, room_url=url, token=daily.token(ud="guest")) as guest,
    ):
        with pytest.raises(PermissionError, match="not allowed to eject"):
            await guest.ask("eject", ids=[owner.id])
        await owner.ask("eject", ids=[guest.id])
        assert (await guest.event("ejected"))["reason"] == "ejected"
        assert (await owner.event("participant-left"))["participant"]["id"] == guest.id
        assert daily.people() == ["owner"]


async def test_the_rest_api_puts_people_out_by_session_or_by_user(daily: Daily) -> None:
    url = daily.make_room()["url"]
    async with (
        Participant.join(daily.base_url, room_url=url, token=daily.token(ud="one")) as one,
        Participant.join(daily.base_url, room_url=url, token=daily.token(ud="two")) as two,
    ):
        assert daily.http.post("/rooms/a-room/eject", json={"ids": ["x"] * 101}).status_code == 400
        ejected = daily.http.post("/rooms/a-room/eject", json={"ids": [one.id, "nobody"], "user_ids": ["two"]})
        assert sorted(ejected.json()["ejectedIds"]) == sorted([one.id, two.id])
        for person in (one, two):
            await person.event("ejected")
        assert daily.people() == []


@pytest.mark.parametrize("of_room", [True, False])
async def test_people_are_put_out_when_room_or_token_expires(daily: Daily, of_room: bool) -> None:
    soon = int(time.time()) + 2
    times: dict[str, Any] = {"exp": soon, "eject_at_room_exp": True} if of_room else {}
    url = daily.make_room(**times)["url"]
    token = daily.token() if of_room else daily.token(exp=soon, ejt=True)
    async with Participant.join(daily.base_url, room_url=url, token=token) as person:
        assert (await person.event("ejected"))["reason"] == "expired"
        assert time.time() >= soon


async def test_deleting_a_room_keeps_others_from_joining_and_puts_nobody_out(daily: Daily) -> None:
    url = daily.make_room()["url"]
    async with (
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as one,
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as two,
    ):
        assert daily.http.delete("/rooms/a-room").json() == {"deleted": True, "name": "a-room"}
        assert await refusal(daily, daily.token()) == "no-room"
        await one.send_app_message("still here")
        await two.event("app-message")


async def test_a_recording_starts_with_a_token_that_asks_for_it(daily: Daily) -> None:
    url = daily.make_room(enable_recording="cloud")["url"]
    async with Participant.join(daily.base_url, room_url=url, token=daily.token(o=True, sr=True, er="cloud")) as owner:
        assert (await owner.event("recording-started"))["status"]["startedBy"] == owner.id
        assert daily.admin.rooms(daily.account)[0]["recording"] is True


async def test_a_hundred_are_in_their_rooms_at_once(daily: Daily) -> None:
    daily.admin.set_limits(daily.account, most=1_000)
    urls = [daily.make_room(f"room-{number}")["url"] for number in range(50)]
    async with asyncio.timeout(120):
        held = [
            Participant.join(daily.base_url, room_url=url, token=daily.token(room=None)) for url in urls for _ in "ab"
        ]
        people = await asyncio.gather(*(each.__aenter__() for each in held))
        presence = daily.http.get("/presence").json()
        assert {name: len(found) for name, found in presence.items()} == {f"room-{number}": 2 for number in range(50)}
        await asyncio.gather(*(person.leave() for person in people))
        assert await asyncio.to_thread(_soon, lambda: daily.http.get("/presence").json() == {})


def _soon(condition: Callable[[], bool], *, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
