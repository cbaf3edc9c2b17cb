// Checks the self-test against made-up networks, in which each URL behaves as it is told to.
import assert from "node:assert/strict";
import test from "node:test";
import { signal } from "@preact/signals";
import type { SelfTest } from "../model.ts";
import { testRelays } from "./relay_test.ts";

/**
 * What a relay does when it is asked: gives an address, refuses credentials, can't be reached, or says nothing at all.
 */
type Behaviour = "answers" | "refuses" | "ends" | "silent";

let network: Readonly<Record<string, Behaviour>> = {};
let connections: FakeConnection[] = [];

class FakeConnection extends EventTarget {
  iceGatheringState = "new";
  closed = false;
  readonly configuration: RTCConfiguration;

  constructor(configuration: RTCConfiguration) {
    super();
    this.configuration = configuration;
    connections.push(this);
  }

  createDataChannel(): void {}

  close(): void {
    this.closed = true;
  }

  async setLocalDescription(): Promise<void> {
    const urls = this.configuration.iceServers?.[0]?.urls ?? [];
    const behaviour = network[urls[0] ?? ""];
    if (behaviour === "answers") this.say("icecandidate", { candidate: { type: "relay" } });
    if (behaviour === "refuses") this.say("icecandidateerror", { errorCode: 401 });
    if (behaviour === "ends") this.say("icecandidateerror", { errorCode: 701 });
    if (behaviour === undefined || behaviour === "silent") return;
    this.iceGatheringState = "complete";
    this.say("icegatheringstatechange", {});
  }

  private say(type: string, facts: object): void {
    setImmediate(() => this.dispatchEvent(Object.assign(new Event(type), facts)));
  }
}

Object.assign(globalThis, { RTCPeerConnection: FakeConnection });

const UDP = "turn:192.0.2.1:3478?transport=udp";
const OTHER_UDP = "turn:192.0.2.2:3479?transport=udp";
const TCP = "turn:192.0.2.1:3478?transport=tcp";
const TLS = "turns:192.0.2.1:443?transport=tcp";
const DTLS = "turns:192.0.2.1:443?transport=udp";

async function run(
  urls: readonly string[],
  behaviours: Readonly<Record<string, Behaviour>>,
  limitMilliseconds = 200,
): Promise<{ outcomes: string; last: SelfTest; seen: readonly (SelfTest | null)[] }> {
  network = behaviours;
  connections = [];
  const result = signal<SelfTest | null>(null);
  const seen: (SelfTest | null)[] = [];
  result.subscribe((value) => {
    seen.push(value);
  });
  await testRelays([{ urls: [...urls], username: "u", credential: "p" }], result, limitMilliseconds);
  assert.ok(result.value);
  assert.ok(
    connections.every((connection) => connection.closed),
    "each connection is closed",
  );
  return {
    outcomes: result.value.results.map((line) => `${line.carrier} ${line.port} ${line.outcome}`).join(", "),
    last: result.value,
    seen,
  };
}

test("all three ways are open", async () => {
  const { outcomes, last, seen } = await run([UDP, TCP, TLS], { [UDP]: "answers", [TCP]: "answers", [TLS]: "answers" });
  assert.equal(outcomes, "UDP 3478 reachable, TCP 3478 reachable, TLS 443 reachable");
  assert.equal(last.running, false);
  assert.ok(last.results.every((line) => line.milliseconds !== null && line.milliseconds >= 0));
  assert.deepEqual(
    seen[1]?.results.map((line) => line.outcome),
    ["testing", "testing", "testing"],
  );
  assert.ok(seen.slice(1, -1).every((value) => value?.running && value.sentence === ""));
});

test("each connection has one URL, its credential, and takes relays only", async () => {
  await run([UDP, DTLS, TLS], { [UDP]: "answers", [TLS]: "answers" });
  assert.deepEqual(
    connections.map((connection) => connection.configuration),
    [
      { iceServers: [{ urls: [UDP], username: "u", credential: "p" }], iceTransportPolicy: "relay" },
      { iceServers: [{ urls: [TLS], username: "u", credential: "p" }], iceTransportPolicy: "relay" },
    ],
  );
});

test("a firewall that swallows UDP is found out after the limit, and DTLS counts as nothing", async () => {
  const { outcomes, last } = await run([UDP, DTLS, TLS], { [UDP]: "silent", [TLS]: "answers" });
  assert.equal(outcomes, "UDP 3478 unreachable, TCP null not offered, TLS 443 reachable");
  assert.match(last.sentence, /^Your network blocks UDP/);
});

test("the end of gathering without an address is an answer before the limit", { timeout: 10_000 }, async () => {
  const { outcomes, last } = await run([TLS], { [TLS]: "ends" }, 60_000);
  assert.equal(outcomes, "UDP null not offered, TCP null not offered, TLS 443 unreachable");
  assert.match(last.sentence, /^No relay can be reached/);
});

test("refused credentials are told from a network that blocks", async () => {
  const { last } = await run([UDP, TLS], { [UDP]: "refuses", [TLS]: "refuses" });
  assert.match(last.sentence, /credentials are wrong or expired/);
});

test("one of two servers is enough, and its port is the one that is shown", async () => {
  const { outcomes } = await run([UDP, OTHER_UDP], { [UDP]: "silent", [OTHER_UDP]: "answers" });
  assert.match(outcomes, /^UDP 3479 reachable/);
});

test("without a relay there is nothing to test", async () => {
  const { outcomes, last } = await run(["stun:192.0.2.1:3478"], {});
  assert.equal(outcomes, "UDP null not offered, TCP null not offered, TLS null not offered");
  assert.match(last.sentence, /^This deployment offers no relay/);
  assert.equal(connections.length, 0);
});

test("a server that the browser does not accept is an error, and leaves no test running", async (context) => {
  context.mock.method(FakeConnection.prototype, "setLocalDescription", async () => {
    throw new Error("bad server");
  });
  const result = signal<SelfTest | null>(null);
  await assert.rejects(testRelays([{ urls: [UDP] }], result, 200), /bad server/);
  assert.equal(result.value, null);
});
