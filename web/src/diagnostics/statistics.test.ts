// Checks how statistics are read, in the shapes that browsers give them.
import assert from "node:assert/strict";
import test from "node:test";
import { localCandidates, lostBetween, rateBetween, type Sample, sampleOf, selectedPair } from "./statistics.ts";

function entries(...facts: readonly object[]): readonly RTCStats[] {
  return facts.map((fact) => ({ timestamp: 5000, ...fact }) as RTCStats);
}

const LOCAL = {
  type: "local-candidate",
  id: "L",
  candidateType: "relay",
  protocol: "udp",
  relayProtocol: "tls",
  url: "turns:192.0.2.1:443?transport=tcp",
  priority: 1,
};
const HOST = { type: "local-candidate", id: "H", candidateType: "host", protocol: "udp" };
const REMOTE = { type: "remote-candidate", id: "R", candidateType: "relay", protocol: "udp", port: 50_000 };
const WAITING = {
  type: "candidate-pair",
  id: "P0",
  localCandidateId: "H",
  remoteCandidateId: "R",
  state: "waiting",
  nominated: false,
};
const PAIR = {
  type: "candidate-pair",
  id: "P1",
  localCandidateId: "L",
  remoteCandidateId: "R",
  state: "succeeded",
  nominated: true,
  bytesSent: 1000,
  bytesReceived: 2000,
  currentRoundTripTime: 0.0425,
};
const AUDIO = { type: "inbound-rtp", id: "A", kind: "audio", packetsReceived: 90, packetsLost: 10, jitter: 0.012 };
const VIDEO = { type: "inbound-rtp", id: "V", kind: "video", packetsReceived: 5, packetsLost: 5, jitter: 0.5 };

const THROUGH_RELAY = {
  id: "P1",
  local: {
    type: "relay",
    protocol: "udp",
    priority: 1,
    relayProtocol: "tls",
    url: "turns:192.0.2.1:443?transport=tcp",
  },
  remote: { type: "relay", port: 50_000 },
};

test("Chromium and Safari name the pair in the transport", () => {
  const transport = { type: "transport", id: "T", selectedCandidatePairId: "P1" };
  const busier = { ...PAIR, id: "P2", localCandidateId: "H", bytesReceived: 9999 };
  assert.deepEqual(selectedPair(entries(busier, PAIR, transport, LOCAL, HOST, REMOTE)), THROUGH_RELAY);
});

test("Firefox marks the pair", () => {
  const other = { ...PAIR, id: "P2", localCandidateId: "H", bytesReceived: 9999 };
  assert.deepEqual(selectedPair(entries(other, { ...PAIR, selected: true }, LOCAL, HOST, REMOTE)), THROUGH_RELAY);
});

test("else it is the nominated pair that works and has received most", () => {
  const idle = { ...PAIR, id: "P2", localCandidateId: "H", bytesReceived: 0 };
  assert.deepEqual(selectedPair(entries(WAITING, idle, PAIR, LOCAL, HOST, REMOTE)), THROUGH_RELAY);
});

test("there is no pair before one works", () => {
  assert.equal(selectedPair(entries(WAITING, HOST, REMOTE)), null);
});

test("no fact has an address", () => {
  const addresses = { address: "192.0.2.7", ip: "192.0.2.7", relatedAddress: "10.0.0.7" };
  const facts = localCandidates(entries({ ...HOST, ...addresses }));
  assert.deepEqual(facts, [{ type: "host", protocol: "udp", priority: null, relayProtocol: null, url: null }]);
});

test("figures are of the pair and of the bot's audio", () => {
  assert.deepEqual(sampleOf(entries(PAIR, AUDIO, VIDEO)), {
    at: 5000,
    pairId: "P1",
    bytesSent: 1000,
    bytesReceived: 2000,
    packetsReceived: 90,
    packetsLost: 10,
    roundTripMilliseconds: 42.5,
    jitterMilliseconds: 12,
  });
});

test("where ICE measures no round trip, the reports on the caller's audio do", () => {
  const { currentRoundTripTime: _, ...pair } = PAIR;
  const report = { type: "remote-inbound-rtp", id: "B", kind: "audio", roundTripTime: 0.08 };
  assert.equal(sampleOf(entries(pair, report)).roundTripMilliseconds, 80);
  assert.equal(sampleOf(entries(pair)).roundTripMilliseconds, null);
});

const BEFORE: Sample = sampleOf(entries(PAIR, AUDIO));

test("loss is of the packets that were due in between", () => {
  assert.equal(lostBetween(BEFORE, { ...BEFORE, packetsReceived: 187, packetsLost: 13 }), 0.03);
  assert.equal(lostBetween(BEFORE, { ...BEFORE, packetsReceived: 140, packetsLost: 8 }), 0);
  assert.equal(lostBetween(BEFORE, BEFORE), null);
});

test("rates are of the time in between, on one pair", () => {
  const later = { ...BEFORE, at: BEFORE.at + 2000, bytesSent: 9000, bytesReceived: 12_000 };
  assert.deepEqual(rateBetween(BEFORE, later), { sent: 32, received: 40 });
  assert.equal(rateBetween(BEFORE, { ...later, pairId: "P2" }), null);
  assert.equal(rateBetween(BEFORE, BEFORE), null);
});
