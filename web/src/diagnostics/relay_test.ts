// Asks each relay for an address, without a call: which ways to a relay does this network leave open?
import type { Signal } from "@preact/signals";
import type { RelayTest, SelfTest } from "../model.ts";
import { parseRelayUrl, RELAY_CARRIERS, type RelayCarrier, type RelayUrl, urlsOf } from "./ice_url.ts";
import { selfTestSentence } from "./sentence.ts";

/** Where a firewall swallows packets, Chromium neither reports an error nor ends its gathering within ten seconds. */
const LIMIT_MILLISECONDS = 5000;

/**
 * From 300 the relay itself has answered (401 credentials, 486 quota, 508 no room), 701 is the browser's own: no
 * answer, or a certificate that it doesn't trust.
 * https://www.w3.org/TR/webrtc/#dom-rtcpeerconnectioniceerrorevent-errorcode
 */
const NOT_REACHED = 701;

interface Asked {
  readonly milliseconds: number | null;
  readonly refused: boolean;
}

/**
 * Asks by UDP, TCP and TLS at the same time, a peer connection for each URL, and closes all of them. `result` has a
 * line for each of the three from the beginning. A way is open once one relay has answered by it. A URL or credential
 * that the browser doesn't accept is an error of the deployment, and thrown.
 */
export async function testRelays(
  iceServers: readonly RTCIceServer[],
  result: Signal<SelfTest | null>,
  limitMilliseconds = LIMIT_MILLISECONDS,
): Promise<void> {
  const ways = RELAY_CARRIERS.map((carrier) => ({ carrier, servers: serversFor(iceServers, carrier) }));
  let results: readonly RelayTest[] = ways.map(({ carrier, servers }) => ({
    carrier,
    port: servers[0]?.relay.port ?? null,
    outcome: servers.length === 0 ? "not offered" : "testing",
    milliseconds: null,
  }));
  result.value = { running: true, results, sentence: "" };
  const refusals = await Promise.all(
    ways.map(async ({ carrier, servers }) => {
      if (servers.length === 0) return false;
      const { test, refused } = await testWay(carrier, servers, limitMilliseconds);
      results = results.map((line) => (line.carrier === carrier ? test : line));
      result.value = { running: true, results, sentence: "" };
      return refused;
    }),
  ).catch((error: unknown) => {
    result.value = null;
    throw error;
  });
  result.value = { running: false, results, sentence: selfTestSentence(results, refusals.includes(true)) };
}

interface Server {
  readonly relay: RelayUrl;
  readonly iceServer: RTCIceServer;
}

function serversFor(iceServers: readonly RTCIceServer[], carrier: RelayCarrier): readonly Server[] {
  return iceServers.flatMap((server) =>
    urlsOf(server).flatMap((url) => {
      const relay = parseRelayUrl(url);
      return relay?.carrier === carrier ? [{ relay, iceServer: { ...server, urls: [url] } }] : [];
    }),
  );
}

/** The first relay that answers decides; the others are not waited for. */
async function testWay(
  carrier: RelayCarrier,
  servers: readonly Server[],
  limitMilliseconds: number,
): Promise<{ readonly test: RelayTest; readonly refused: boolean }> {
  const enough = new AbortController();
  const limit = setTimeout(() => enough.abort(), limitMilliseconds);
  let refused = false;
  let reached: RelayTest | null = null;
  try {
    await Promise.all(
      servers.map(async ({ relay, iceServer }) => {
        const asked = await askForAddress(iceServer, enough.signal);
        refused ||= asked.refused;
        if (asked.milliseconds === null) return;
        reached ??= { carrier, port: relay.port, outcome: "reachable", milliseconds: asked.milliseconds };
        enough.abort();
      }),
    );
  } finally {
    clearTimeout(limit);
    enough.abort();
  }
  const unreachable: RelayTest = {
    carrier,
    port: servers[0]?.relay.port ?? null,
    outcome: "unreachable",
    milliseconds: null,
  };
  return { test: reached ?? unreachable, refused };
}

/** Milliseconds to the first relayed address; null when there is none by the end of gathering or of patience. */
async function askForAddress(iceServer: RTCIceServer, enough: AbortSignal): Promise<Asked> {
  const connection = new RTCPeerConnection({ iceServers: [iceServer], iceTransportPolicy: "relay" });
  const began = performance.now();
  let refused = false;
  try {
    const gathered = new Promise<number | null>((resolve) => {
      enough.addEventListener("abort", () => resolve(null));
      connection.addEventListener("icecandidate", ({ candidate }) => {
        if (candidate?.type === "relay") resolve(performance.now() - began);
      });
      connection.addEventListener("icecandidateerror", ({ errorCode }) => {
        if (errorCode >= 300 && errorCode < NOT_REACHED) refused = true;
      });
      connection.addEventListener("icegatheringstatechange", () => {
        if (connection.iceGatheringState === "complete") resolve(null);
      });
    });
    connection.createDataChannel("relay test");
    await connection.setLocalDescription();
    return { milliseconds: await gathered, refused };
  } finally {
    connection.close();
  }
}
