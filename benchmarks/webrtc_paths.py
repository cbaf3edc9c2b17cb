"""What each kind of network does to a call over WebRTC, what a relay adds to its latency, and what a call costs of KVS.

The programs are the product's own, between network namespaces with real NATs (docs/networks.md), so it needs root.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

_ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT), *(str(_ROOT / room) for room in ("agent_image", "lambda"))]

if TYPE_CHECKING:
    from tests.networks.cases import Case
    from tests.networks.place import Place

_DIRECT, _RELAYED = "host only, public caller", "TURN/UDP"
_MINUTES_OF_TALK = 0.4


def main() -> None:
    """Print the table, the latencies and their ratio, and the requests to KVS."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    repetitions = parser.parse_args().repetitions
    from tests.networks.cases import CASES
    from tests.networks.lab import NotPermittedError
    from tests.networks.place import open_place

    try:
        with tempfile.TemporaryDirectory() as directory, open_place(directory=Path(directory)) as place:
            print("| case | programs | result | candidate pair | to TURN: caller, agent | set-up |")
            print("|---|---|---|---|---|---|")
            for case in CASES:
                print(f"| {case.name} | {case.programs} | {row(place, case, repetitions=repetitions)} |", flush=True)
            named = {case.name: case for case in CASES}
            direct, relayed = (latency(place, named[name]) for name in (_DIRECT, _RELAYED))
    except NotPermittedError as error:
        raise SystemExit(f"network namespaces are not permitted here ({error}); run this as root") from None
    print(f"\nend of speech to first bot audio: direct {direct:.3f} s, relayed {relayed:.3f} s")
    print(f"ratio {relayed / direct:.2f}")
    for reuse_seconds in (0, 20):
        print(f"GetIceServerConfig a call, answers reused for {reuse_seconds} s: {kvs_requests(reuse_seconds):.2f}")


def row(place: "Place", case: "Case", *, repetitions: int) -> str:
    """Result, candidate pair, protocols to TURN and median set-up time of a case."""
    from tests.networks.firewall import turn_protocol

    outcomes = [place.call(case)]
    if outcomes[0].pair is None:
        failure = f"`{outcomes[0].error}`" if outcomes[0].error else "no way"
        # Where no limit is given, both sides tried as long as they were told to.
        return f"{failure}{f' after {outcomes[0].seconds:.1f} s' if case.expected.within else ''} | | |"
    outcomes += [place.call(case) for _ in range(repetitions - 1)]
    if pairs := {outcome.pair for outcome in outcomes} - {outcomes[0].pair}:
        raise SystemExit(f"{case.name}: {outcomes[0].pair} at first, then {pairs}; the test of this case says why")
    protocols = ", ".join(
        turn_protocol(router) or "none" for router in (place.networks.caller_nat, place.agent_router(case))
    )
    seconds = statistics.median(outcome.seconds for outcome in outcomes)
    return f"connects | {outcomes[0].pair} | {protocols} | {seconds:.2f} s"


def latency(place: "Place", case: "Case") -> float:
    """Median seconds from the end of speech to the first audio of its echo, in one call."""
    outcome = place.call(case, minutes=_MINUTES_OF_TALK)
    return statistics.median(each for each in outcome.latencies if each is not None)


def kvs_requests(reuse_seconds: int) -> float:
    """Requests to KVS, throttled ones too, for each POST /start of a pool at half its limit."""
    from benchmarks.ice_servers import Load, run

    outcome = run(Load(channels=10, share=0.5, requests=200, reuse_seconds=reuse_seconds))
    return (outcome.answered + outcome.throttled) / outcome.sessions


if __name__ == "__main__":
    main()
