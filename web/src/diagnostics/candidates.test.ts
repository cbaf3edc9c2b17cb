// Checks candidates as Chromium, Firefox and Safari describe them.
import assert from "node:assert/strict";
import test from "node:test";
import { type CandidateFacts, carrierOf, countCandidates, portOfPair } from "./candidates.ts";

const RELAY = { type: "relay", protocol: "udp" } as const;

const CARRIERS: readonly (readonly [of: string, candidate: CandidateFacts, carrier: string])[] = [
  ["host", { type: "host", protocol: "udp" }, "UDP"],
  ["host by TCP", { type: "host", protocol: "tcp" }, "TCP"],
  [
    "event of Chromium, UDP",
    { ...RELAY, url: "turn:192.0.2.1:3478?transport=udp", relayProtocol: null, priority: 3 << 24 },
    "UDP",
  ],
  [
    "event of Chromium, TLS",
    { ...RELAY, url: "turns:192.0.2.1:443?transport=tcp", relayProtocol: "tls", priority: 7 },
    "TLS",
  ],
  ["statistics of Chromium", { ...RELAY, url: null, relayProtocol: "tcp" }, "TCP"],
  ["statistics of Firefox", { ...RELAY, relayProtocol: "tls" }, "TLS"],
  ["event of Firefox, UDP", { ...RELAY, priority: (5 << 24) + 1000 }, "UDP"],
  ["event without URL and protocol, TLS", { ...RELAY, priority: 65_535 }, "TLS"],
  ["event without URL and protocol, TCP", { ...RELAY, priority: (1 << 24) + 1 }, "TCP"],
  ["event without URL and protocol, UDP", { ...RELAY, priority: (2 << 24) + 1 }, "UDP"],
];

for (const [of, candidate, carrier] of CARRIERS) {
  test(`${of}: ${carrier}`, () => assert.equal(carrierOf(candidate), carrier));
}

test("candidates are counted by type and carrier, in an order that stays", () => {
  const tls = { ...RELAY, relayProtocol: "tls" };
  assert.deepEqual(countCandidates([tls, { type: "host", protocol: "udp" }, tls]), [
    { type: "host", carrier: "UDP", count: 1 },
    { type: "relay", carrier: "TLS", count: 2 },
  ]);
});

test("the port is the relay's, by its URL, or by what was offered where that is one", () => {
  const urls = ["turn:a.example:3478", "turns:a.example:443", "turns:b.example:443"];
  assert.equal(portOfPair({ ...RELAY, url: "turns:a.example:443?transport=tcp" }, 50_000, []), 443);
  assert.equal(portOfPair({ ...RELAY, relayProtocol: "tls" }, 50_000, urls), 443);
  assert.equal(portOfPair({ ...RELAY, relayProtocol: "tls" }, 50_000, [...urls, "turns:c.example:5349"]), null);
  assert.equal(portOfPair({ type: "host", protocol: "udp" }, 50_000, urls), 50_000);
});
