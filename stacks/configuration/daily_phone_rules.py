"""What phone calls through Daily must agree on: with the rooms that they take place in, and with what is told."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from stacks.configuration.errors import Mistake
from stacks.configuration.telephony_rules import CARRIERS, CHOICE

if TYPE_CHECKING:
    from stacks.parameters import Parameters


def _daily_is_a_transport_too(parameters: "Parameters") -> Iterator[Mistake]:
    """Carrier daily needs transport daily."""
    telephony = parameters.telephony
    if "daily" in telephony.carriers and not parameters.has_rooms:
        yield Mistake(
            path="telephony.carriers",
            got=telephony.carriers,
            allowed=f"{', '.join(carrier for carrier in CARRIERS if carrier != 'daily')}, as daily is not among "
            "transports: its phone calls take place in rooms",
            remedy="add daily to transports, or take it out of telephony.carriers",
            depends_on=("transports",),
        )


def _nobody_speaks_before_the_bot_at_daily(parameters: "Parameters") -> Iterator[Mistake]:
    """Carrier daily refuses `telephony.announcement`, `telephony.recording` and `daily.recording`."""
    telephony, daily = parameters.telephony, parameters.daily
    if "daily" not in telephony.carriers:
        return
    if telephony.announcement:
        yield _unsaid("telephony.announcement", got=telephony.announcement, allowed="nothing", remedy="remove it")
    for path, recording in (("telephony.recording", telephony.recording), ("daily.recording", daily.recording)):
        if recording != "off":
            yield _unsaid(path, got=recording, allowed="off", remedy="set it to off")


def _unsaid(path: str, *, got: str, allowed: str, remedy: str) -> Mistake:
    return Mistake(
        path=path,
        got=got,
        allowed=f"{allowed}, as daily is among telephony.carriers and says no sentence before the bot speaks",
        remedy=f"{remedy}, or take daily out of telephony.carriers",
        depends_on=CHOICE,
    )


def _daily_takes_machines_for_people(parameters: "Parameters") -> Iterator[Mistake]:
    """`telephony.daily_number` refuses `telephony.machine_detection`, which Daily doesn't have."""
    telephony = parameters.telephony
    if "daily" in telephony.carriers and telephony.daily_number and telephony.machine_detection:
        yield Mistake(
            path="telephony.machine_detection",
            got=True,
            allowed="false, as calls go out through Daily, which doesn't tell an answering machine from a human",
            remedy="set it to false, or remove telephony.daily_number",
            depends_on=(*CHOICE, "telephony.daily_number"),
        )


def _calls_end_within_a_room(parameters: "Parameters") -> Iterator[Mistake]:
    """With carrier daily, `telephony.max_call_seconds` is at most `daily.session_seconds`."""
    longest, room = parameters.telephony.max_call_seconds, parameters.daily.session_seconds
    if "daily" in parameters.telephony.carriers and longest > room:
        yield Mistake(
            path="telephony.max_call_seconds",
            got=longest,
            allowed=f"at most daily.session_seconds, which is {room}: the room is gone after that",
            remedy="lower telephony.max_call_seconds or raise daily.session_seconds",
            depends_on=(*CHOICE, "daily.session_seconds"),
        )


DAILY_PHONE_RULES: Final = (
    _daily_is_a_transport_too,
    _nobody_speaks_before_the_bot_at_daily,
    _daily_takes_machines_for_people,
    _calls_end_within_a_room,
)
