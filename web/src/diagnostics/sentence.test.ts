// Checks what people are told, fact by fact.
import assert from "node:assert/strict";
import test from "node:test";
import type { ConnectionReport, GatheredCandidate, RelayTest } from "../model.ts";
import {
  connectionSentence,
  type PathFacts,
  type SoundFacts,
  selfTestSentence,
  webSocketSentence,
} from "./sentence.ts";

const HOST: GatheredCandidate = { type: "host", carrier: "UDP", count: 1 };
const RELAY_UDP: GatheredCandidate = { type: "relay", carrier: "UDP", count: 1 };
const RELAY_TLS: GatheredCandidate = { type: "relay", carrier: "TLS", count: 1 };

const QUIET: SoundFacts = { roundTripMilliseconds: 40, jitterMilliseconds: 4, lost: 0 };

type Pair = NonNullable<ConnectionReport["pair"]>;
const UDP: Pair = { local: "relay", remote: "relay", carrier: "UDP", port: 3478 };
const TLS: Pair = { local: "relay", remote: "relay", carrier: "TLS", port: 443 };
const TCP: Pair = { local: "relay", remote: "relay", carrier: "TCP", port: 3478 };

const PATH: PathFacts = {
  state: "connected",
  gatheringEnded: true,
  gathered: [HOST, RELAY_UDP, RELAY_TLS],
  relayOffered: true,
  udpRelay: "gathered",
  relayOnlyByPolicy: false,
  ipv6Only: false,
  pair: UDP,
};
const BLOCKED: Partial<PathFacts> = { gathered: [HOST, RELAY_TLS], udpRelay: "missing" };

const SENTENCES: readonly (readonly [of: string, path: Partial<PathFacts>, sentence: string])[] = [
  ["a relay", {}, "The call runs through a relay over UDP."],
  ["UDP blocked", { ...BLOCKED, pair: TLS }, "Your network blocks UDP; the call runs over TLS on port 443."],
  ["UDP blocked, TCP open", { ...BLOCKED, pair: TCP }, "Your network blocks UDP; the call runs over TCP on port 3478."],
  [
    "TLS of unknown port",
    { ...BLOCKED, pair: { ...TLS, port: null } },
    "Your network blocks UDP; the call runs over TLS.",
  ],
  [
    "TLS, UDP may still come",
    { udpRelay: "pending", pair: TLS },
    "The call runs through a relay over TLS on port 443.",
  ],
  ["TLS, chosen though UDP works", { pair: TLS }, "The call runs through a relay over TLS on port 443."],
  ["only TLS offered", { udpRelay: "not offered", pair: TLS }, "The call runs through a relay over TLS on port 443."],
  [
    "the bot's relay",
    { pair: { ...UDP, local: "srflx" } },
    "The call runs over UDP through the bot's relay; your network lets UDP out.",
  ],
  [
    "the bot's relay, no relay of one's own",
    { ...BLOCKED, pair: { ...UDP, local: "host" } },
    "The call runs over UDP through the bot's relay; your network lets UDP out.",
  ],
  ["no relay", { pair: { ...UDP, local: "host", remote: "host" } }, "The call runs directly to the bot over UDP."],
  [
    "direct TCP",
    { pair: { ...TCP, local: "host", remote: "prflx", port: 50_000 } },
    "The call runs directly to the bot over TCP on port 50000.",
  ],
  [
    "direct IPv6",
    { ipv6Only: true, pair: { ...UDP, local: "host", remote: "host" } },
    "The call runs directly to the bot over UDP and IPv6.",
  ],
  ["IPv6 only", { ipv6Only: true }, "The call runs through a relay over UDP, from a network that has only IPv6."],
  [
    "a VPN",
    { gathered: [RELAY_UDP] },
    "The call runs through a relay over UDP; a VPN or the browser's settings leave no other way.",
  ],
  [
    "relays only, as asked",
    { gathered: [RELAY_UDP], relayOnlyByPolicy: true },
    "The call runs through a relay over UDP.",
  ],
  ["new", { state: "new", gatheringEnded: false, gathered: [], pair: null }, "Not connected yet."],
  ["connecting", { state: "connecting", pair: null }, "Not connected yet."],
  ["connected, pair unknown", { pair: null }, "Not connected yet."],
  ["no relay yet", { state: "new", gathered: [HOST], pair: null }, "Not connected yet; no relay has been reached."],
  [
    "nothing gathered",
    { state: "new", gathered: [], pair: null },
    "The browser found no way out: WebRTC is switched off, or blocked by an extension or a policy.",
  ],
  [
    "failed, nothing gathered",
    { state: "failed", gathered: [] },
    "The browser found no way out: WebRTC is switched off, or blocked by an extension or a policy.",
  ],
  [
    "failed, no relay",
    { state: "failed", gathered: [HOST] },
    "No relay gave an address: your network blocks them all, or their credentials have expired.",
  ],
  [
    "failed, none offered",
    { state: "failed", gathered: [HOST], relayOffered: false },
    "The bot could not be reached directly, and this deployment offers no relay.",
  ],
  [
    "failed with a relay",
    { state: "failed" },
    "A relay was reached, but no connection to the bot came about through it.",
  ],
  ["interrupted", { state: "disconnected" }, "The connection is interrupted; the browser is trying to get it back."],
  ["closed", { state: "closed" }, "The connection is closed."],
];

for (const [of, path, sentence] of SENTENCES) {
  test(`path: ${of}`, () => assert.equal(connectionSentence({ ...PATH, ...path }, QUIET), sentence));
}

const SOUNDS: readonly (readonly [of: string, sound: Partial<SoundFacts>, sentence: string])[] = [
  ["loss", { lost: 0.031, jitterMilliseconds: 90 }, "3 % of the bot's audio is lost: words may be missing."],
  ["little loss", { lost: 0.019 }, ""],
  ["jitter", { jitterMilliseconds: 45.4 }, "The bot's audio arrives unevenly (jitter 45 ms): its voice may stumble."],
  ["a long way", { roundTripMilliseconds: 420 }, "A round trip takes 420 ms: each answer comes that much later."],
  ["nothing known", { roundTripMilliseconds: null, jitterMilliseconds: null, lost: null }, ""],
];

for (const [of, sound, sentence] of SOUNDS) {
  test(`sound: ${of}`, () => {
    const whole = connectionSentence(PATH, { ...QUIET, ...sound });
    assert.equal(whole, `The call runs through a relay over UDP. ${sentence}`.trim());
  });
}

test("sound is told only of a call that is connected", () => {
  assert.equal(
    connectionSentence({ ...PATH, state: "failed" }, { ...QUIET, lost: 0.5 }),
    "A relay was reached, but no connection to the bot came about through it.",
  );
});

test("a WebSocket says what a browser can't measure", () => {
  const rest = "a browser can't measure round trip, jitter or loss there.";
  assert.equal(
    webSocketSentence("WebSocket over TLS", 443),
    `The call runs over a WebSocket with TLS on port 443; ${rest}`,
  );
  assert.equal(webSocketSentence("WebSocket", 8080), `The call runs over a WebSocket on port 8080; ${rest}`);
});

const PORTS = { UDP: 3478, TCP: 3478, TLS: 443 } as const;

function line(carrier: RelayTest["carrier"], letter: string): RelayTest {
  const outcome = letter === "+" ? "reachable" : letter === "-" ? "unreachable" : "not offered";
  return { carrier, port: PORTS[carrier], outcome, milliseconds: letter === "+" ? 30 : null };
}

/** Outcomes of UDP, TCP, TLS: + reachable, - unreachable, o not offered. */
const SELF_TESTS: readonly (readonly [outcomes: string, refused: boolean, sentence: string])[] = [
  ["+++", false, "Relays can be reached over UDP, TCP and TLS: your network is fit for calls."],
  ["+o+", false, "Relays can be reached over UDP and TLS: your network is fit for calls."],
  ["oo+", false, "The relay can be reached over TLS, the only way that is offered."],
  [
    "-++",
    false,
    "Your network blocks UDP; calls run over TCP on port 3478 and TLS on port 443, which bears a poor network less well.",
  ],
  ["--+", false, "Your network blocks UDP; calls run over TLS on port 443, which bears a poor network less well."],
  ["+--", false, "Relays can be reached over UDP on port 3478, which is enough for a call."],
  ["---", false, "No relay can be reached from your network: calls over WebRTC will most likely fail here."],
  [
    "---",
    true,
    "A relay answers, but gives no address: its credentials are wrong or expired, or it is full. Test again.",
  ],
  ["ooo", false, "This deployment offers no relay, so there is nothing to test."],
];

for (const [outcomes, refused, sentence] of SELF_TESTS) {
  test(`self-test: UDP, TCP, TLS ${outcomes}${refused ? ", refused" : ""}`, () => {
    const [udp = "", tcp = "", tls = ""] = outcomes;
    assert.equal(selfTestSentence([line("UDP", udp), line("TCP", tcp), line("TLS", tls)], refused), sentence);
  });
}
