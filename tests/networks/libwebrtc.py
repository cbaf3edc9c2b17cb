"""libwebrtc in a namespace: Chromium without a window, steered from outside, and a call of its with plain aiortc."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.networks.lab import Namespace
from tests.networks.topology import TURN_ADDRESSES
from tests.networks.waiting import wait_until

# Debian's /usr/bin/chromium is a script that needs a home before it has one; this is the program behind it.
PROGRAM = Path("/usr/lib/chromium/chromium")
# The TURN server, by a name that has an IPv4 address alone, as where nobody maps names.
NAME_WITHOUT_DNS64 = "unmapped.example"
_PEER = Path(__file__).parent / "plain_peer.py"
# A page that may use the microphone makes Chromium's libwebrtc go through the interfaces one by one, as it does in
# every other program. Without that right it sends from any address, loopback's too, and would show too much.
_PAGE = "http://localhost/"
_OFFER = """async (iceServers) => {
    window.connection = new RTCPeerConnection({iceServers});
    const context = new AudioContext(), tone = new OscillatorNode(context);
    const target = new MediaStreamAudioDestinationNode(context);
    tone.connect(target);
    tone.start();
    connection.addTrack(target.stream.getAudioTracks()[0], target.stream);
    // The first relay is enough: where one TURN server is silent, the end of the gathering comes after 40 s.
    const gathered = new Promise(done => {
        connection.onicecandidate = ({candidate}) => (!candidate || candidate.type === "relay") && done();
    });
    await connection.setLocalDescription();
    await gathered;
    return connection.localDescription.sdp;
}"""
_ANSWER = "(sdp) => connection.setRemoteDescription({type: 'answer', sdp})"
_STATS = "async () => [...(await connection.getStats()).values()]"


@dataclass(frozen=True, kw_only=True)
class Media:
    """What came of a call: frames of 20 ms at the peer, packets at libwebrtc, and the local candidates' types.

    `pair` has the type of libwebrtc's own candidate through which media flows, and how it is reached (udp, tcp, tls).
    """

    frames: int
    packets: int
    candidates: frozenset[str]
    pair: tuple[str, str] | None


@contextmanager
def open_libwebrtc(*, machine: Namespace, directory: Path) -> Iterator[Page]:
    """A page until the end of the block, in which `call` can call."""
    script = directory / "chromium"
    variables = ["env", "-i", f"HOME={directory}", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"]
    command = machine.command(*variables, str(PROGRAM))
    # The profile that Playwright makes is outside; of two, the last one counts.
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@" --user-data-dir={directory}/profile\n')
    script.chmod(0o755)
    names = f"--host-resolver-rules=MAP {NAME_WITHOUT_DNS64} {TURN_ADDRESSES[0]}"
    flags = ["--disable-gpu", "--autoplay-policy=no-user-gesture-required", names]
    with sync_playwright() as playwright:
        # Its sandbox refuses root, and there is nothing but this page.
        browser = playwright.chromium.launch(executable_path=script, chromium_sandbox=False, args=flags)
        try:
            context = browser.new_context()
            context.grant_permissions(["microphone"], origin=_PAGE)
            context.route(_PAGE, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
            yield context.new_page()
        finally:
            browser.close()


def call(page: Page, *, peer: Namespace, ice_servers: Sequence[Any], frames: int, within: float) -> Media:
    """Call a peer that has only an address of its own, until so many frames have come at both ends, or time is over."""
    page.goto(_PAGE)
    offer = page.evaluate(_OFFER, ice_servers)
    command = peer.command(sys.executable, str(_PEER), "answer", "[]")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            page.evaluate(_ANSWER, _ask(process, {"sdp": offer})["sdp"])
            return _listen(page, process, offer=offer, frames=frames, within=within)
        finally:
            page.evaluate("connection.close()")
            process.kill()


def _listen(page: Page, process: subprocess.Popen[str], *, offer: str, frames: int, within: float) -> Media:
    media: list[Media] = []

    def arrived() -> bool:
        stats = page.evaluate(_STATS)
        received = [each["packetsReceived"] for each in stats if each["type"] == "inbound-rtp"]
        media.append(
            Media(
                frames=_ask(process, {})["frames"],
                packets=sum(received),
                candidates=frozenset(_types(offer)),
                pair=_pair(stats),
            )
        )
        return media[-1].frames >= frames and media[-1].packets >= frames

    with suppress(TimeoutError):  # what has come until then is the answer
        wait_until(arrived, within=within)
    return media[-1]


def _types(sdp: str) -> Iterator[str]:
    for line in sdp.splitlines():
        if line.startswith("a=candidate:"):
            words = line.split()
            yield words[words.index("typ") + 1]


def _pair(stats: list[dict[str, Any]]) -> tuple[str, str] | None:
    named = {each["id"]: each for each in stats}
    for each in stats:
        if each["type"] == "transport" and "selectedCandidatePairId" in each:
            local = named[named[each["selectedCandidatePairId"]]["localCandidateId"]]
            return local["candidateType"], local.get("relayProtocol", local["protocol"])
    return None


def _ask(process: subprocess.Popen[str], message: object) -> dict[str, Any]:
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer
