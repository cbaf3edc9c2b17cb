// Checks the text for a support ticket, line by line.
import assert from "node:assert/strict";
import test from "node:test";
import type { Config } from "../config.ts";
import { diagnosticsText } from "./text.ts";

const CONFIG: Config = {
  name: "voice-prod",
  apiUrl: "https://api.example/",
  transports: ["webrtc", "websocket"],
  signIn: { issuer: "https://issuer.example", clientId: "client", scope: "openid", audience: null },
  reconnectGraceSeconds: 30,
  memory: false,
};
const EMPTY = {
  config: CONFIG,
  call: { name: "idle" },
  connection: null,
  selfTest: null,
  answers: [],
  userAgent: "Chromium",
  at: new Date("2026-11-24T12:00:00+02:00"),
  sessionId: null,
} as const;

test("a call that failed, with all that is known", () => {
  const text = diagnosticsText({
    ...EMPTY,
    call: {
      name: "failed",
      failure: { kind: "dropped", sentence: "The call was lost.", advice: "Call again.", requestId: "r-1" },
    },
    connection: {
      transport: "webrtc",
      gathered: [
        { type: "host", carrier: "UDP", count: 2 },
        { type: "relay", carrier: "TLS", count: 1 },
      ],
      pair: { local: "relay", remote: "relay", carrier: "TLS", port: 443 },
      roundTripMilliseconds: 42.5,
      jitterMilliseconds: 3,
      lost: 0.031,
      kilobitsPerSecond: { sent: 31.6, received: 40 },
      sentence: "Your network blocks UDP; the call runs over TLS on port 443.",
    },
    selfTest: {
      running: false,
      results: [
        { carrier: "UDP", port: 3478, outcome: "unreachable", milliseconds: null },
        { carrier: "TCP", port: null, outcome: "not offered", milliseconds: null },
        { carrier: "TLS", port: 443, outcome: "reachable", milliseconds: 31.4 },
      ],
      sentence: "Your network blocks UDP.",
    },
    answers: [700, 900, 760, 745].map((milliseconds, index) => ({ number: index + 1, milliseconds })),
    sessionId: "session-1",
  });
  assert.equal(
    text,
    `Report of a call
Written: 2026-11-24T10:00:00.000Z
Deployment: voice-prod
Deployed transports: webrtc, websocket
Browser: Chromium
Session: session-1
State: failed (dropped). The call was lost.
Request: r-1

Connection: Your network blocks UDP; the call runs over TLS on port 443.
Transport: webrtc
Candidates: 2 host UDP, 1 relay TLS
Pair: relay to relay, TLS, port 443
Round trip: 42.5 ms
Jitter: 3.0 ms
Lost: 3.1 %
Sent: 32 kbit/s
Received: 40 kbit/s

Network test: Your network blocks UDP.
Relay over UDP on port 3478: unreachable
Relay over TCP: not offered
Relay over TLS on port 443: reachable in 31 ms

Answers: 4, median 753 ms
Answer 1: 700 ms
Answer 2: 900 ms
Answer 3: 760 ms
Answer 4: 745 ms
`,
  );
});

test("what is not there is said to be missing", () => {
  assert.equal(
    diagnosticsText(EMPTY),
    `Report of a call
Written: 2026-11-24T10:00:00.000Z
Deployment: voice-prod
Deployed transports: webrtc, websocket
Browser: Chromium
Session: none
State: idle

Connection: none

Network test: not run

Answers: none
`,
  );
});

test("the median of an odd number of answers is the one in the middle", () => {
  const answers = [900, 700, 760].map((milliseconds, index) => ({ number: index + 1, milliseconds }));
  assert.match(diagnosticsText({ ...EMPTY, answers }), /median 760 ms/);
});
