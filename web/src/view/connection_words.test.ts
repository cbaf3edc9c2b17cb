import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionReport } from "../model.ts";
import { factsOf, milliseconds, percent, relayWords, summaryOf } from "./connection_words.ts";

const relayed: ConnectionReport = {
  transport: "webrtc",
  gathered: [],
  pair: { local: "relay", remote: "host", carrier: "TLS", port: 443 },
  roundTripMilliseconds: 24.4,
  jitterMilliseconds: 3.14,
  lost: 0.0123,
  kilobitsPerSecond: { sent: 31.6, received: 40 },
  sentence: "",
};

test("figures are short, and what is unknown is said", () => {
  assert.deepEqual([milliseconds(3.14), milliseconds(24.4), milliseconds(null)], ["3.1 ms", "24 ms", "not measured"]);
  assert.deepEqual([percent(0), percent(0.0123), percent(null)], ["0 %", "1.2 %", "not measured"]);
});

test("a relayed call names its pair, carrier and port", () => {
  const facts = new Map(factsOf(relayed));
  assert.equal(facts.get("Path"), "relay to host");
  assert.equal(facts.get("Carried by"), "TLS, port 443");
  assert.equal(facts.get("Sending"), "32 kbit/s");
  assert.equal(summaryOf(relayed), "WebRTC · TLS · 24 ms");
});

test("a call without statistics says so", () => {
  const bare = { ...relayed, transport: "websocket" as const, pair: null, roundTripMilliseconds: null };
  const facts = new Map(factsOf({ ...bare, jitterMilliseconds: null, lost: null, kilobitsPerSecond: null }));
  assert.equal(facts.get("Jitter"), "not measured");
  assert.equal(facts.get("Path"), "none");
  assert.equal(summaryOf(bare), "WebSocket");
});

test("a relay test tells how long it took only where it got through", () => {
  const result = { carrier: "TCP", port: 443, milliseconds: 31 } as const;
  assert.equal(relayWords({ ...result, outcome: "reachable" }), "reachable in 31 ms");
  assert.equal(relayWords({ ...result, outcome: "unreachable" }), "unreachable");
});
