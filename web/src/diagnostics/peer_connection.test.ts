// Checks what is reported of a made-up peer connection: its events, states and statistics over time.
import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { signal } from "@preact/signals";
import type { ConnectionReport } from "../model.ts";
import { watchPeerConnection } from "./peer_connection.ts";

const KVS_SHAPED = [
  "turn:192.0.2.1:443?transport=udp",
  "turns:192.0.2.1:443?transport=udp",
  "turns:192.0.2.1:443?transport=tcp",
];
const TLS = {
  type: "relay",
  protocol: "udp",
  relayProtocol: "tls",
  url: "turns:192.0.2.1:443?transport=tcp",
  address: "192.0.2.1",
};
const UDP = { ...TLS, relayProtocol: null, url: "turn:192.0.2.1:443?transport=udp" };
const HOST = { type: "host", protocol: "udp", address: "10.0.0.7" };

class FakeConnection extends EventTarget {
  connectionState = "new";
  iceGatheringState = "new";
  stats: readonly object[] = [];
  asked = 0;

  getConfiguration(): RTCConfiguration {
    return { iceServers: [{ urls: "stun:192.0.2.1:443" }, { urls: KVS_SHAPED }] };
  }

  async getStats(): Promise<readonly object[]> {
    this.asked += 1;
    return this.stats;
  }

  to(state: { connection?: string; gathering?: string }): void {
    if (state.gathering) this.iceGatheringState = state.gathering;
    if (state.gathering) this.dispatchEvent(new Event("icegatheringstatechange"));
    if (state.connection) this.connectionState = state.connection;
    if (state.connection) this.dispatchEvent(new Event("connectionstatechange"));
  }

  gather(...candidates: readonly object[]): void {
    for (const candidate of candidates) {
      this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: { sdpMLineIndex: 0, ...candidate } }));
    }
  }
}

function connectedStats(
  at: number,
  {
    local = TLS,
    sent = 0,
    received = 0,
    lost = 0,
  }: { local?: object; sent?: number; received?: number; lost?: number } = {},
): readonly object[] {
  const { type, ...facts } = local as { type: string };
  return [
    { type: "local-candidate", id: "L", candidateType: type, ...facts },
    { type: "remote-candidate", id: "R", candidateType: "relay", port: 50_000, address: "192.0.2.1" },
    {
      type: "candidate-pair",
      id: "P",
      timestamp: at,
      localCandidateId: "L",
      remoteCandidateId: "R",
      state: "succeeded",
      nominated: true,
      bytesSent: sent,
      bytesReceived: sent,
      currentRoundTripTime: 0.02,
    },
    {
      type: "inbound-rtp",
      id: "A",
      kind: "audio",
      timestamp: at,
      packetsReceived: received,
      packetsLost: lost,
      jitter: 0.003,
    },
  ];
}

interface Watch {
  readonly connection: FakeConnection;
  readonly report: { readonly value: ConnectionReport | null };
  readonly stop: () => void;
  /** Lets time pass, and all that is due in it. */
  readonly pass: (milliseconds: number) => Promise<void>;
}

function watch(context: TestContext): Watch {
  context.mock.timers.enable({ apis: ["setInterval"] });
  let now = 0;
  context.mock.method(performance, "now", () => now);
  const connection = new FakeConnection();
  const report = signal<ConnectionReport | null>(null);
  const stop = watchPeerConnection(connection as unknown as RTCPeerConnection, report);
  async function pass(milliseconds: number): Promise<void> {
    now += milliseconds;
    context.mock.timers.tick(milliseconds);
    await new Promise(setImmediate);
  }
  return { connection, report, stop, pass };
}

test("candidates are counted once, though each medium gathers its own", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.to({ gathering: "gathering" });
  connection.gather(
    HOST,
    { ...HOST, sdpMLineIndex: 1 },
    TLS,
    { ...TLS, sdpMLineIndex: 1 },
    { candidate: "", type: null },
  );
  await pass(1000);
  assert.deepEqual(report.value?.gathered, [
    { type: "host", carrier: "UDP", count: 1 },
    { type: "relay", carrier: "TLS", count: 1 },
  ]);
  assert.equal(report.value?.sentence, "Not connected yet.");
});

test("an ICE restart counts anew", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.to({ gathering: "gathering" });
  connection.gather(HOST, TLS);
  connection.to({ gathering: "complete" });
  connection.to({ gathering: "gathering" });
  connection.gather(HOST);
  await pass(1000);
  assert.deepEqual(report.value?.gathered, [{ type: "host", carrier: "UDP", count: 1 }]);
});

test("UDP is called blocked once its relay has had its time, and no sooner", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.to({ gathering: "gathering" });
  connection.gather(HOST, TLS);
  connection.stats = connectedStats(0);
  connection.to({ connection: "connected", gathering: "complete" });
  await pass(200);
  assert.equal(report.value?.sentence, "The call runs through a relay over TLS on port 443.");
  await pass(2000);
  assert.equal(report.value?.sentence, "Your network blocks UDP; the call runs over TLS on port 443.");
  assert.deepEqual(report.value?.pair, { local: "relay", remote: "relay", carrier: "TLS", port: 443 });
});

test("UDP is not called blocked when its relay was gathered", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.to({ gathering: "gathering" });
  connection.gather(HOST, UDP, TLS);
  connection.stats = connectedStats(0);
  connection.to({ connection: "connected" });
  await pass(5000);
  assert.equal(report.value?.sentence, "The call runs through a relay over TLS on port 443.");
});

test("IPv6 is told of, a hidden or a relay's address is not taken for IPv4", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.to({ gathering: "gathering" });
  connection.gather({ ...HOST, address: "2001:db8::7" }, { ...HOST, address: "0a1b.local" }, UDP);
  connection.stats = connectedStats(0, { local: UDP });
  connection.to({ connection: "connected" });
  await pass(1000);
  assert.equal(report.value?.sentence, "The call runs through a relay over UDP, from a network that has only IPv6.");
});

test("who comes too late counts by the statistics", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.stats = connectedStats(0);
  connection.connectionState = "connected";
  connection.iceGatheringState = "complete";
  await pass(1000);
  assert.deepEqual(report.value?.gathered, [{ type: "relay", carrier: "TLS", count: 1 }]);
  assert.equal(report.value?.sentence, "Your network blocks UDP; the call runs over TLS on port 443.");
});

test("figures are of the last second, loss of the last ten", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.connectionState = "connected";
  for (let second = 0; second <= 20; second += 1) {
    // Half of the packets of the first second are lost, and none later; the bitrate doubles at the end.
    const received = second * 50 - (second > 0 ? 25 : 0);
    const sent = second * 4000 + (second === 20 ? 4000 : 0);
    connection.stats = connectedStats(second * 1000, { sent, received, lost: second > 0 ? 25 : 0 });
    await pass(1000);
    if (second === 0) assert.equal(report.value?.kilobitsPerSecond, null);
    if (second === 1) assert.equal(report.value?.lost, 0.5);
    if (second === 5) assert.equal(report.value?.lost, 0.1);
  }
  assert.equal(report.value?.lost, 0);
  assert.deepEqual(report.value?.kilobitsPerSecond, { sent: 64, received: 64 });
  assert.deepEqual([report.value?.roundTripMilliseconds, report.value?.jitterMilliseconds], [20, 3]);
});

test("a change while a report is being made is reported after it", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.to({ gathering: "gathering" });
  connection.stats = connectedStats(0, { local: UDP });
  connection.to({ connection: "connected" });
  connection.to({ connection: "failed" });
  await pass(0);
  assert.equal(report.value?.sentence, "A relay was reached, but no connection to the bot came about through it.");
  assert.equal(connection.asked, 2);
});

test("nothing is asked or written after the end, and no report has an address", async (context) => {
  const { connection, report, stop, pass } = watch(context);
  connection.gather(HOST, TLS);
  connection.stats = connectedStats(0);
  await pass(1000);
  assert.doesNotMatch(JSON.stringify(report.value), /192\.0\.2|10\.0\.0/);
  const last = report.value;
  connection.to({ connection: "disconnected" });
  stop();
  for (let second = 0; second < 3; second += 1) await pass(1000);
  assert.equal(report.value, last);
  assert.equal(connection.asked, 2);
});

test("the last report of a connection that is closed stays", async (context) => {
  const { connection, report, pass } = watch(context);
  connection.stats = connectedStats(0);
  await pass(1000);
  const last = report.value;
  connection.connectionState = "closed";
  await pass(5000);
  assert.equal(report.value, last);
  assert.equal(connection.asked, 1);
});
