// What browsers say of a candidate, each in its own way, as type, carrier and port. Addresses stay here.
import type { CandidateType, Carrier, GatheredCandidate } from "../model.ts";
import { parseRelayUrl, portOf, type RelayCarrier } from "./ice_url.ts";

/** What events (RTCIceCandidate) and statistics (RTCIceCandidateStats) have in common under different names. */
export interface CandidateFacts {
  readonly type: CandidateType;
  readonly protocol?: string | null;
  readonly priority?: number | null;
  /** How the relay is reached: in events not in every browser; Chromium leaves it out there for UDP. */
  readonly relayProtocol?: string | null;
  /** The ICE server's, with the transport really used; Firefox is late to give it. */
  readonly url?: string | null;
}

const RELAY_PROTOCOLS: Readonly<Record<string, RelayCarrier>> = { udp: "UDP", tcp: "TCP", tls: "TLS" };

/**
 * How packets go out: to the relay where the candidate is one, for `protocol` is then the relay's own side.
 *
 * A browser that gives neither URL nor protocol still ranks relays: in Chromium and Safari the type preference is 0 by
 * TLS, 1 by TCP, 2 or more by UDP; in Firefox 0 by TCP or TLS and 5 by UDP.
 * https://webrtc.googlesource.com/src/+/refs/heads/main/p2p/base/port.h (IceCandidateType preferences),
 * https://searchfox.org/mozilla-central/source/dom/media/webrtc/transport/nricectx.cpp (pref.type.relayed)
 */
export function carrierOf(candidate: CandidateFacts): Carrier {
  if (candidate.type !== "relay") return candidate.protocol?.toLowerCase() === "tcp" ? "TCP" : "UDP";
  const byUrl = candidate.url ? parseRelayUrl(candidate.url)?.carrier : undefined;
  const byProtocol = RELAY_PROTOCOLS[candidate.relayProtocol?.toLowerCase() ?? ""];
  return byUrl ?? byProtocol ?? carrierByPriority(candidate.priority ?? 0);
}

function carrierByPriority(priority: number): RelayCarrier {
  const typePreference = priority >>> 24;
  if (typePreference >= 2) return "UDP";
  return typePreference === 1 ? "TCP" : "TLS";
}

/** The port that packets go to: the relay's where there is one; its URL tells, or all that were offered agree. */
export function portOfPair(
  local: CandidateFacts,
  remotePort: number | null,
  offeredUrls: readonly string[],
): number | null {
  if (local.type !== "relay") return remotePort;
  if (local.url) return portOf(local.url);
  const carrier = carrierOf(local);
  const ports = new Set(offeredUrls.flatMap((url) => portsFor(url, carrier)));
  return ports.size === 1 ? ([...ports][0] ?? null) : null;
}

function portsFor(url: string, carrier: Carrier): readonly number[] {
  const relay = parseRelayUrl(url);
  return relay?.carrier === carrier ? [relay.port] : [];
}

const TYPES: readonly CandidateType[] = ["host", "srflx", "prflx", "relay"];
const CARRIERS: readonly Carrier[] = ["UDP", "TCP", "TLS"];

/** Counts candidates by type and carrier, in an order that stays. */
export function countCandidates(candidates: readonly CandidateFacts[]): readonly GatheredCandidate[] {
  return TYPES.flatMap((type) =>
    CARRIERS.map((carrier) => ({
      type,
      carrier,
      count: candidates.filter((candidate) => candidate.type === type && carrierOf(candidate) === carrier).length,
    })),
  ).filter((group) => group.count > 0);
}
