// Checks what is read from the URLs of ICE servers.
import assert from "node:assert/strict";
import test from "node:test";
import { parseRelayUrl, portOf } from "./ice_url.ts";

const CASES: readonly (readonly [url: string, way: string | null, port: number | null])[] = [
  ["turn:turn.example.com", "UDP 3478", 3478],
  ["turn:turn.example.com:3479?transport=udp", "UDP 3479", 3479],
  ["turn:turn.example.com?transport=tcp", "TCP 3478", 3478],
  ["turns:turn.example.com", "TLS 5349", 5349],
  ["turns:192.0.2.1:443?transport=tcp", "TLS 443", 443],
  ["TURNS:[2001:db8::1]:443?transport=TCP", "TLS 443", 443],
  ["turn:[2001:db8::1]?transport=udp", "UDP 3478", 3478],
  ["turns:turn.example.com:443?transport=udp", null, 443], // DTLS
  ["stun:stun.example.com:3478", null, 3478],
  ["stuns:stun.example.com", null, 5349],
  ["https://example.com", null, null],
];

for (const [url, way, port] of CASES) {
  test(`${url} is ${way ?? "no relay"}`, () => {
    const relay = parseRelayUrl(url);
    assert.equal(relay && `${relay.carrier} ${relay.port}`, way);
    assert.equal(portOf(url), port);
  });
}
