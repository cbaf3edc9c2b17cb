// Reads a peer connection's statistics, in which browsers differ: which pair carries the call, and how well.
import type { CandidateType } from "../model.ts";
import type { CandidateFacts } from "./candidates.ts";

/** RTCIceCandidateStats, which TypeScript's DOM lacks. https://www.w3.org/TR/webrtc-stats/#icecandidate-dict* */
interface CandidateStats extends RTCStats {
  readonly candidateType: CandidateType;
  readonly protocol?: string;
  readonly port?: number;
  readonly priority?: number;
  readonly relayProtocol?: string;
  readonly url?: string;
}

/** `selected` is Firefox's own. https://searchfox.org/mozilla-central/source/dom/webidl/RTCStatsReport.webidl */
type PairStats = RTCIceCandidatePairStats & { readonly selected?: boolean };

/** Counters and gauges of one moment; the counters are since the connection began. */
export interface Sample {
  /** Milliseconds, of the statistics' own clock. */
  readonly at: number;
  readonly pairId: string | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly roundTripMilliseconds: number | null;
  readonly jitterMilliseconds: number | null;
}

export interface SelectedPair {
  readonly id: string;
  readonly local: CandidateFacts;
  readonly remote: { readonly type: CandidateType; readonly port: number | null };
}

type Entries = readonly RTCStats[];

function ofType<Stats extends RTCStats>(entries: Entries, type: string): readonly Stats[] {
  return entries.filter((entry): entry is Stats => (entry.type as string) === type);
}

/**
 * The pair that carries the call. Chromium and Safari name it in the transport; Firefox marks it; where neither is so,
 * it is the nominated one that works and has received most.
 */
function selectedPairStats(entries: Entries): PairStats | null {
  const pairs = ofType<PairStats>(entries, "candidate-pair");
  const named = new Set(ofType<RTCTransportStats>(entries, "transport").map((entry) => entry.selectedCandidatePairId));
  const working = pairs
    .filter((pair) => pair.nominated && pair.state === "succeeded")
    .sort((one, other) => (other.bytesReceived ?? 0) - (one.bytesReceived ?? 0));
  return pairs.find((pair) => named.has(pair.id)) ?? pairs.find((pair) => pair.selected) ?? working[0] ?? null;
}

export function selectedPair(entries: Entries): SelectedPair | null {
  const pair = selectedPairStats(entries);
  const local = ofType<CandidateStats>(entries, "local-candidate").find((entry) => entry.id === pair?.localCandidateId);
  const remote = ofType<CandidateStats>(entries, "remote-candidate").find(
    (entry) => entry.id === pair?.remoteCandidateId,
  );
  if (!pair || !local || !remote) return null;
  return {
    id: pair.id,
    local: factsOf(local),
    remote: { type: remote.candidateType, port: remote.port ?? null },
  };
}

/** Local candidates, for one who came too late to see them gathered. */
export function localCandidates(entries: Entries): readonly CandidateFacts[] {
  return ofType<CandidateStats>(entries, "local-candidate").map(factsOf);
}

function factsOf(stats: CandidateStats): CandidateFacts {
  const { candidateType: type, protocol, priority, relayProtocol, url } = stats;
  return {
    type,
    protocol: protocol ?? null,
    priority: priority ?? null,
    relayProtocol: relayProtocol ?? null,
    url: url ?? null,
  };
}

export function sampleOf(entries: Entries): Sample {
  const pair = selectedPairStats(entries);
  const audio = ofType<RTCInboundRtpStreamStats>(entries, "inbound-rtp").filter((entry) => entry.kind === "audio");
  const jitters = audio.flatMap((entry) => (entry.jitter === undefined ? [] : [entry.jitter * 1000]));
  return {
    at: pair?.timestamp ?? audio[0]?.timestamp ?? 0,
    pairId: pair?.id ?? null,
    bytesSent: pair?.bytesSent ?? 0,
    bytesReceived: pair?.bytesReceived ?? 0,
    packetsReceived: sum(audio.map((entry) => entry.packetsReceived ?? 0)),
    packetsLost: sum(audio.map((entry) => entry.packetsLost ?? 0)),
    roundTripMilliseconds: roundTripMilliseconds(entries, pair),
    jitterMilliseconds: jitters.length === 0 ? null : Math.max(...jitters),
  };
}

/**
 * By ICE's own checks; from Firefox, which long had none of these, by the other side's reports on the caller's audio.
 */
function roundTripMilliseconds(entries: Entries, pair: PairStats | null): number | null {
  const reported = ofType<RTCStats & { readonly roundTripTime?: number }>(entries, "remote-inbound-rtp")[0];
  const seconds = pair?.currentRoundTripTime ?? reported?.roundTripTime;
  return seconds === undefined ? null : seconds * 1000;
}

/** The share of packets lost between two moments, 0 to 1; null when none was due. A late packet takes its loss back. */
export function lostBetween(before: Sample, now: Sample): number | null {
  const lost = Math.max(0, now.packetsLost - before.packetsLost);
  const due = lost + now.packetsReceived - before.packetsReceived;
  return due > 0 ? lost / due : null;
}

/** Kilobits per second between two moments; null when the call took to another pair in between. */
export function rateBetween(before: Sample, now: Sample): { readonly sent: number; readonly received: number } | null {
  const milliseconds = now.at - before.at;
  if (milliseconds <= 0 || now.pairId === null || before.pairId !== now.pairId) return null;
  return {
    sent: ((now.bytesSent - before.bytesSent) * 8) / milliseconds,
    received: ((now.bytesReceived - before.bytesReceived) * 8) / milliseconds,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
