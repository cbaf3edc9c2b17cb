"""Everything that the cases share, started once: the networks, coturn, NAT64, and an agent in each of its networks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from offline_speech import synthesize
from switchboard.audio import SAMPLE_RATE, trim
from tests.networks.agent import Agent, run_agent
from tests.networks.call_program import Plan
from tests.networks.cases import Case, Connects, Programs
from tests.networks.firewall import switch
from tests.networks.lab import Namespace
from tests.networks.nat64 import nat64
from tests.networks.outcome import Outcome
from tests.networks.plain_call import plain_call
from tests.networks.product_call import product_call
from tests.networks.topology import Networks, real_networks
from tests.networks.turn_server import make_certificate, turn_server

# For a path: as long as the product waits, or long enough to see that there is none.
_PATIENCE_SECONDS, _PATIENCE_IN_VAIN_SECONDS = 15.0, 5.0
_SENTENCE = "How are you today?"  # without a pause, which would end the turn


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where calls are placed."""

    networks: Networks
    agent: Agent
    agent6: Agent
    directory: Path

    def call(self, case: Case, *, minutes: float = 0.0, pause: float = 0.0) -> Outcome:
        """Place the call of a case, between its firewalls; see `Plan` for `minutes` and `pause`."""
        caller = self.networks.public_caller if case.public_caller else self.networks.caller
        switch(self.networks.caller_nat, case.caller.firewall)
        switch(self.agent_router(case), case.agent.firewall)
        if case.programs is Programs.PLAIN:
            callers, agents = case.caller.servers(), case.agent.servers()
            return plain_call(caller=caller, agent=self.networks.agent, callers=callers, agents=agents)
        agent = self.agent6 if case.ipv6_agent else self.agent
        agent.wait_until_idle()
        plan = Plan(
            socket=str(agent.socket),
            speech=str(self.speech),
            caller=case.caller,
            agent=case.agent,
            policy=case.policy,
            patience=_PATIENCE_SECONDS if isinstance(case.expected, Connects) else _PATIENCE_IN_VAIN_SECONDS,
            tries=case.expected.tries if isinstance(case.expected, Connects) else 1,
            minutes=minutes,
            pause=pause,
        )
        return product_call(plan, caller=caller, ca_file=self.ca_file)

    def agent_router(self, case: Case) -> Namespace:
        """What the case's agent stands behind."""
        return self.networks.nat64 if case.ipv6_agent else self.networks.agent_nat

    @property
    def ca_file(self) -> Path:
        """Whom clients have to trust, to believe the TURN server."""
        return self.directory / "turn.pem"

    @property
    def speech(self) -> Path:
        """What the caller says, PCM16 at 16 kHz."""
        return self.directory / "speech.pcm"


@contextmanager
def open_place(*, directory: Path) -> Iterator[Place]:
    """The place, ready for calls, until the end of the block. Raises `NotPermittedError`."""
    with ExitStack() as parts:
        networks = parts.enter_context(real_networks(directory=directory))
        make_certificate(directory)
        parts.enter_context(turn_server(machine=networks.turn, directory=directory))
        parts.enter_context(nat64(router=networks.nat64, directory=directory))
        agent = parts.enter_context(run_agent(machine=networks.agent, directory=directory))
        agent6 = parts.enter_context(run_agent(machine=networks.agent6, directory=directory))
        agent.wait_until_ready()
        agent6.wait_until_ready()
        place = Place(networks=networks, agent=agent, agent6=agent6, directory=directory)
        place.speech.write_bytes(trim(synthesize(_SENTENCE, sample_rate=SAMPLE_RATE)))
        yield place
