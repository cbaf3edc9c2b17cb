"""Phone calls through every carrier's stand-in, in and out: spoken, talked over, keyed, handed over, hung up."""

import asyncio
import re
from collections.abc import Coroutine, Iterable, Sequence
from functools import partial

import httpx
import pytest

from tests.agent_image.agent_process import until
from tests.carriers.deployment import CALLER, DeployedTelephony
from tests.carriers.line import PhoneLine
from tests.carriers.phone_caller import PhoneCaller
from tests.carriers.standin import CarrierStandIn

from .conftest import Kit

pytestmark = pytest.mark.end_to_end

OWN_NUMBER = "+12025550101"
CALLEE = "+14155550123"
HUMAN = "+12025550199"
STOPPED_SECONDS = 10.0
"""By then a session has ended whose call has: AgentCore's own time-out is 120 s."""

two_carriers = pytest.mark.parametrize("carriers", [("twilio", "vonage"), ("telnyx", "plivo")], ids="-".join)


@pytest.fixture(scope="session")
def telephony(deployed: Kit) -> DeployedTelephony:
    """The deployed stack, as carriers know it."""
    return DeployedTelephony.read(
        client=deployed.client,
        ca_bundle=str(deployed.folder / "cloud" / "ca-bundle.pem"),
        stack_name="switchboard-local-telephony",
    )


def stopped_sessions(kit: Kit) -> int:
    """How many sessions the connect or the telephony function has ended."""
    return (kit.folder / "cloud" / "cloud.log").read_text().count("reason=stopped")


async def at_once(kit: Kit, calls: Iterable[Coroutine[None, None, None]]) -> None:
    """Hold these calls side by side; each ends with its session, right away."""
    before, tasks = stopped_sessions(kit), []
    async with asyncio.TaskGroup() as group:
        tasks += [group.create_task(call) for call in calls]

    async def stopped() -> bool:
        return stopped_sessions(kit) == before + len(tasks)

    await until(stopped, within=STOPPED_SECONDS)


def stand_in(kit: Kit, telephony: DeployedTelephony, carrier: str) -> CarrierStandIn:
    return telephony.stand_in(carrier, api_port=kit.carrier_api_ports[carrier])


async def over(line: PhoneLine) -> bool:
    return line.ended.is_set()


async def handed_over(line: PhoneLine) -> bool:
    return line.transferred.is_set()


@two_carriers
async def test_somebody_calls_talks_over_the_bot_presses_a_key_and_is_handed_to_a_human(
    deployed: Kit, telephony: DeployedTelephony, carriers: Sequence[str]
) -> None:
    async def call(carrier: str) -> None:
        async with stand_in(deployed, telephony, carrier) as phones:
            line = await phones.call_in(caller=CALLER, called=OWN_NUMBER)
            caller = PhoneCaller(line)
            async with caller.talking():
                assert (await caller.greeting()).has("welcome")
                await caller.tell("Please repeat I like coffee and tea.", "coffee", "tea")
                await caller.tell("Please count from one to four.", "two", "three", "four")
                await caller.ask("Please count from one to twenty.")
                await caller.interrupt("I like music very much.", after=1.0)
                assert (await caller.press("1")).has("pressed", "one")
                await caller.tell("I want to talk to a human, please.", "human")
                await until(partial(handed_over, line))
            assert line.transferred_to == HUMAN
            await line.hang_up()
            assert line.statuses[-1] == "completed"

    await at_once(deployed, map(call, carriers))


@two_carriers
async def test_a_caller_who_hangs_up_ends_the_session(
    deployed: Kit, telephony: DeployedTelephony, carriers: Sequence[str]
) -> None:
    async def call(carrier: str) -> None:
        async with stand_in(deployed, telephony, carrier) as phones:
            line = await phones.call_in(caller=CALLER, called=OWN_NUMBER)
            caller = PhoneCaller(line)
            async with caller.talking():
                await caller.greeting()
            await line.hang_up()

    await at_once(deployed, map(call, carriers))


@two_carriers
async def test_the_bot_calls_somebody_and_hangs_up(
    deployed: Kit, telephony: DeployedTelephony, api: httpx.AsyncClient, carriers: Sequence[str]
) -> None:
    async def call(carrier: str) -> None:
        async with stand_in(deployed, telephony, carrier) as phones:
            placed, again = await place(api, carrier), await place(api, carrier)
            assert again["id"] == placed["id"]
            line = await phones.next_dialed()
            assert line.called == CALLEE
            await line.pick_up()
            caller = PhoneCaller(line)
            async with caller.talking():
                assert (await caller.greeting()).has("welcome")
                await caller.tell("Please repeat I like coffee and tea.", "coffee", "tea")
                await caller.tell("I like music very much.", "music")
                await caller.say("Thank you and bye bye.")
                await until(partial(over, line))
            assert line.statuses[-1] == "completed"
            assert len(phones.lines) == 1
            assert (await api.get(f"/calls/{placed['id']}")).json()["status"] == "completed"

    await at_once(deployed, map(call, carriers))


@two_carriers
async def test_a_call_is_hung_up_through_the_api(
    deployed: Kit, telephony: DeployedTelephony, api: httpx.AsyncClient, carriers: Sequence[str]
) -> None:
    async def call(carrier: str) -> None:
        async with stand_in(deployed, telephony, carrier) as phones:
            placed = await place(api, carrier, key=f"{carrier}-to-be-hung-up")
            line = await phones.next_dialed()
            await line.pick_up()
            caller = PhoneCaller(line)
            async with caller.talking():
                await caller.greeting()
            assert (await api.delete(f"/calls/{placed['id']}")).status_code == httpx.codes.NO_CONTENT
            await until(partial(over, line))

    await at_once(deployed, map(call, carriers))


async def place(api: httpx.AsyncClient, carrier: str, *, key: str = "") -> dict[str, str]:
    """POST /calls; the key is the same each time, so the second is no other call."""
    headers = {"Idempotency-Key": key or f"{carrier}-first"}
    answer = await api.post("/calls", json={"to": CALLEE, "carrier": carrier}, headers=headers)
    assert answer.status_code in (httpx.codes.OK, httpx.codes.CREATED), answer.text
    placed: dict[str, str] = answer.json()
    return placed


def test_nothing_of_the_calls_is_in_the_logs(deployed: Kit) -> None:
    """Whoever has called, been called or taken over is in none, nor is what opens a stream."""
    logs = [path for path in (deployed.folder / "cloud").rglob("*.log") if path.is_file()]
    assert logs
    for path in logs:
        text = path.read_text(errors="replace")
        for number in (CALLER, CALLEE, HUMAN):
            assert number.removeprefix("+") not in text, path.name
        assert not re.search(r"/streams/[A-Za-z0-9_-]{20}|X-Amz-Signature=[0-9a-f]{8}", text), path.name
