// Checks what is said of a WebSocket.
import assert from "node:assert/strict";
import test from "node:test";
import { describeWebSocket } from "./web_socket.ts";

test("the report has the port, and nothing else of the URL", () => {
  const counters = { sent: () => 0, received: () => 0 };
  const report = describeWebSocket("wss://agent.example/ws?X-Amz-Signature=secret", counters);
  assert.deepEqual(report.pair, { local: "host", remote: "host", carrier: "WebSocket over TLS", port: 443 });
  assert.deepEqual([report.roundTripMilliseconds, report.jitterMilliseconds, report.lost], [null, null, null]);
  assert.doesNotMatch(JSON.stringify(report), /agent\.example|secret/);
  const plain = describeWebSocket("ws://127.0.0.1:8080/ws", counters);
  assert.deepEqual([plain.pair?.carrier, plain.pair?.port], ["WebSocket", 8080]);
});

test("rates are from one look to the next", (context) => {
  let now = 1000;
  let sent = 0;
  context.mock.method(performance, "now", () => now);
  const counters = { sent: () => sent, received: () => 2 * sent };
  assert.equal(describeWebSocket("ws://localhost/", counters).kilobitsPerSecond, null);
  now += 2000;
  sent += 8000;
  assert.deepEqual(describeWebSocket("ws://localhost/", counters).kilobitsPerSecond, { sent: 32, received: 64 });
  now += 1000;
  assert.deepEqual(describeWebSocket("ws://localhost/", counters).kilobitsPerSecond, { sent: 0, received: 0 });
});
