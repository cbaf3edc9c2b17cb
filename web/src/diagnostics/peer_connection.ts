// Watches a peer connection from its first candidate on, and says once a second how the call travels.
import type { Signal } from "@preact/signals";
import type { ConnectionReport } from "../model.ts";
import { type CandidateFacts, carrierOf, countCandidates, portOfPair } from "./candidates.ts";
import { parseRelayUrl, urlsOf } from "./ice_url.ts";
import { connectionSentence, type PathFacts, type UdpRelay } from "./sentence.ts";
import { localCandidates, lostBetween, rateBetween, type Sample, sampleOf, selectedPair } from "./statistics.ts";

const LOOK_MILLISECONDS = 1000;
/** A rate from less than this says more of the moment of looking than of the call. */
const RATE_MILLISECONDS = 900;
/** Loss is of this time: short enough to mean now, and at 50 packets a second long enough to mean something. */
const LOSS_MILLISECONDS = 10_000;
/**
 * A relay over UDP answers in two round trips, and a call that another carrier began moves to UDP as soon as UDP works.
 * Where a firewall swallows UDP, Chromium reports no error, and asks on for ten seconds or more while TCP and TLS have
 * long answered.
 */
const UDP_RELAY_MILLISECONDS = 2000;

/** What the events have told; the statistics don't tell what was gathered before they are asked. */
interface Gathering {
  candidates: readonly CandidateFacts[];
  beganAt: number | null;
  ipv4: boolean;
  ipv6: boolean;
}

/** TypeScript's DOM lacks both. https://www.w3.org/TR/webrtc/#rtcicecandidate-interface */
type GatheredEventCandidate = RTCIceCandidate & {
  readonly relayProtocol?: string | null;
  readonly url?: string | null;
};

/**
 * Fills `report` once a second, and as soon as the connection's state changes, until it is closed or the returned
 * function is called; the last report stays. Call it as soon as the connection exists: it counts candidates as they are
 * gathered.
 */
export function watchPeerConnection(
  connection: RTCPeerConnection,
  report: Signal<ConnectionReport | null>,
): () => void {
  const gathering: Gathering = { candidates: [], beganAt: null, ipv4: false, ipv6: false };
  let samples: readonly Sample[] = [];
  let looking = false;
  let lookAgain = false;

  async function look(): Promise<void> {
    if (looking) {
      lookAgain = true;
      return;
    }
    if (connection.connectionState === "closed") {
      stop();
      return;
    }
    looking = true;
    try {
      const entries = entriesOf(await connection.getStats());
      if (stopped.signal.aborted) return;
      const now = sampleOf(entries);
      samples = [...samples.filter((sample) => now.at - sample.at <= LOSS_MILLISECONDS), now];
      report.value = describe(connection, gathering, entries, samples);
    } finally {
      looking = false;
    }
    if (lookAgain) {
      lookAgain = false;
      await look();
    }
  }

  const stopped = new AbortController();
  const options = { signal: stopped.signal };
  connection.addEventListener("icecandidate", ({ candidate }) => remember(gathering, candidate), options);
  connection.addEventListener(
    "icegatheringstatechange",
    () => {
      if (connection.iceGatheringState === "gathering")
        Object.assign(gathering, { candidates: [], beganAt: performance.now() });
      void look();
    },
    options,
  );
  connection.addEventListener("connectionstatechange", () => void look(), options);
  const timer = setInterval(() => void look(), LOOK_MILLISECONDS);
  function stop(): void {
    stopped.abort();
    clearInterval(timer);
  }
  return stop;
}

function entriesOf(stats: RTCStatsReport): readonly RTCStats[] {
  const entries: RTCStats[] = [];
  stats.forEach((entry: RTCStats) => {
    entries.push(entry);
  });
  return entries;
}

function remember(gathering: Gathering, candidate: GatheredEventCandidate | null): void {
  // Each medium gathers its own until the answer bundles them into the first; an end of candidates has no type.
  if (!candidate?.type || (candidate.sdpMLineIndex ?? 0) !== 0) return;
  const { type, protocol, priority, relayProtocol, url, address } = candidate;
  gathering.candidates = [
    ...gathering.candidates,
    { type, protocol, priority, relayProtocol: relayProtocol ?? null, url: url ?? null },
  ];
  // A relay's address is the relay's, and a name ending in .local hides the browser's own.
  if (type === "relay" || !address || address.endsWith(".local")) return;
  if (address.includes(":")) gathering.ipv6 = true;
  else gathering.ipv4 = true;
}

function describe(
  connection: RTCPeerConnection,
  gathering: Gathering,
  entries: readonly RTCStats[],
  samples: readonly Sample[],
): ConnectionReport {
  const path = pathOf(connection, gathering, entries);
  const now = samples.at(-1) ?? sampleOf(entries);
  const oldest = samples[0] ?? now;
  const earlier = samples.findLast((sample) => now.at - sample.at >= RATE_MILLISECONDS);
  const sound = {
    roundTripMilliseconds: now.roundTripMilliseconds,
    jitterMilliseconds: now.jitterMilliseconds,
    lost: lostBetween(oldest, now),
  };
  return {
    transport: "webrtc",
    gathered: path.gathered,
    pair: path.pair,
    ...sound,
    kilobitsPerSecond: earlier ? rateBetween(earlier, now) : null,
    sentence: connectionSentence(path, sound),
  };
}

function pathOf(connection: RTCPeerConnection, gathering: Gathering, entries: readonly RTCStats[]): PathFacts {
  const { iceServers = [], iceTransportPolicy } = connection.getConfiguration();
  const urls = iceServers.flatMap(urlsOf);
  const candidates = gathering.candidates.length > 0 ? gathering.candidates : localCandidates(entries);
  const selected = selectedPair(entries);
  return {
    state: connection.connectionState,
    gatheringEnded: connection.iceGatheringState === "complete",
    gathered: countCandidates(candidates),
    relayOffered: urls.some((url) => parseRelayUrl(url) !== null),
    udpRelay: udpRelayOf(connection, gathering, candidates, urls),
    relayOnlyByPolicy: iceTransportPolicy === "relay",
    ipv6Only: gathering.ipv6 && !gathering.ipv4,
    pair: selected && {
      local: selected.local.type,
      remote: selected.remote.type,
      carrier: carrierOf(selected.local),
      port: portOfPair(selected.local, selected.remote.port, urls),
    },
  };
}

function udpRelayOf(
  connection: RTCPeerConnection,
  gathering: Gathering,
  candidates: readonly CandidateFacts[],
  urls: readonly string[],
): UdpRelay {
  if (!urls.some((url) => parseRelayUrl(url)?.carrier === "UDP")) return "not offered";
  if (candidates.some((candidate) => candidate.type === "relay" && carrierOf(candidate) === "UDP")) return "gathered";
  // The end of gathering alone says nothing: Chromium ends it with the first pair that works.
  if (gathering.beganAt === null) return connection.iceGatheringState === "complete" ? "missing" : "pending";
  return performance.now() - gathering.beganAt >= UDP_RELAY_MILLISECONDS ? "missing" : "pending";
}
