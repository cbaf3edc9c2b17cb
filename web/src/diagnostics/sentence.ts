// What a connection's facts mean, for people: one sentence on the way, and one on the sound where it suffers.
import type { Carrier, ConnectionReport, GatheredCandidate, RelayTest } from "../model.ts";
import type { RelayCarrier } from "./ice_url.ts";

/** What became of the relays over UDP: "missing" when they have had their time and did not answer. */
export type UdpRelay = "not offered" | "pending" | "gathered" | "missing";

export interface PathFacts {
  readonly state: RTCPeerConnectionState;
  /** Gathering has ended: nothing more is to come. */
  readonly gatheringEnded: boolean;
  readonly gathered: readonly GatheredCandidate[];
  readonly relayOffered: boolean;
  readonly udpRelay: UdpRelay;
  /** The page asked for relays only, so that a lack of others says nothing. */
  readonly relayOnlyByPolicy: boolean;
  /** Addresses were seen, and none of them IPv4. */
  readonly ipv6Only: boolean;
  readonly pair: ConnectionReport["pair"];
}

export interface SoundFacts {
  readonly roundTripMilliseconds: number | null;
  readonly jitterMilliseconds: number | null;
  /** Of the bot's packets lately, 0 to 1. */
  readonly lost: number | null;
}

/** From here people notice: one word in a few sentences, a voice that stumbles, an answer that feels slow. */
const NOTICED_LOSS = 0.02;
const NOTICED_JITTER_MILLISECONDS = 30;
const NOTICED_ROUND_TRIP_MILLISECONDS = 300;

export function connectionSentence(path: PathFacts, sound: SoundFacts): string {
  const way = pathSentence(path);
  const connected = path.state === "connected" && path.pair !== null;
  return [way, connected ? soundSentence(sound) : ""].filter((sentence) => sentence !== "").join(" ");
}

export function pathSentence(path: PathFacts): string {
  if (path.state === "closed") return "The connection is closed.";
  if (path.state === "failed") return failureSentence(path);
  if (path.state === "disconnected") return "The connection is interrupted; the browser is trying to get it back.";
  if (path.state !== "connected" || path.pair === null) return waitingSentence(path);
  return connectedSentence(path, path.pair);
}

function connectedSentence(path: PathFacts, pair: NonNullable<PathFacts["pair"]>): string {
  const way = pair.carrier === "UDP" || pair.port === null ? pair.carrier : `${pair.carrier} on port ${pair.port}`;
  if (pair.local === "relay") {
    if (path.udpRelay === "missing" && pair.carrier !== "UDP")
      return `Your network blocks UDP; the call runs over ${way}.`;
    if (onlyRelays(path))
      return `The call runs through a relay over ${way}; a VPN or the browser's settings leave no other way.`;
    return `The call runs through a relay over ${way}${path.ipv6Only ? ", from a network that has only IPv6" : ""}.`;
  }
  if (pair.remote === "relay") {
    const open = pair.carrier === "UDP" ? "; your network lets UDP out" : "";
    return `The call runs over ${way} through the bot's relay${open}.`;
  }
  return `The call runs directly to the bot over ${way}${path.ipv6Only ? " and IPv6" : ""}.`;
}

function failureSentence(path: PathFacts): string {
  if (path.gathered.length === 0) {
    return "The browser found no way out: WebRTC is switched off, or blocked by an extension or a policy.";
  }
  if (relays(path) > 0) return "A relay was reached, but no connection to the bot came about through it.";
  if (path.relayOffered)
    return "No relay gave an address: your network blocks them all, or their credentials have expired.";
  return "The bot could not be reached directly, and this deployment offers no relay.";
}

function waitingSentence(path: PathFacts): string {
  if (!path.gatheringEnded || path.state === "connecting") return "Not connected yet.";
  if (path.gathered.length === 0) return failureSentence(path);
  if (path.relayOffered && relays(path) === 0) return "Not connected yet; no relay has been reached.";
  return "Not connected yet.";
}

export function soundSentence(sound: SoundFacts): string {
  if (sound.lost !== null && sound.lost >= NOTICED_LOSS) {
    return `${Math.round(sound.lost * 100)} % of the bot's audio is lost: words may be missing.`;
  }
  if (sound.jitterMilliseconds !== null && sound.jitterMilliseconds >= NOTICED_JITTER_MILLISECONDS) {
    const jitter = Math.round(sound.jitterMilliseconds);
    return `The bot's audio arrives unevenly (jitter ${jitter} ms): its voice may stumble.`;
  }
  if (sound.roundTripMilliseconds !== null && sound.roundTripMilliseconds >= NOTICED_ROUND_TRIP_MILLISECONDS) {
    return `A round trip takes ${Math.round(sound.roundTripMilliseconds)} ms: each answer comes that much later.`;
  }
  return "";
}

export function webSocketSentence(carrier: Carrier, port: number): string {
  return (
    `The call runs over a ${carrier === "WebSocket" ? "WebSocket" : "WebSocket with TLS"} on port ${port}; ` +
    "a browser can't measure round trip, jitter or loss there."
  );
}

export function roomSentence(sound: SoundFacts): string {
  const way = "The call runs through Daily's network, whose own code chooses the way.";
  return [way, soundSentence(sound)].filter((sentence) => sentence !== "").join(" ");
}

/** `refused`: a relay answered, and wanted other credentials or had no room. */
export function selfTestSentence(results: readonly RelayTest[], refused: boolean): string {
  const offered = results.filter((result) => result.outcome !== "not offered");
  const reachable = offered.filter((result) => result.outcome === "reachable");
  if (offered.length === 0) return "This deployment offers no relay, so there is nothing to test.";
  if (reachable.length === 0) {
    if (refused)
      return "A relay answers, but gives no address: its credentials are wrong or expired, or it is full. Test again.";
    return "No relay can be reached from your network: calls over WebRTC will most likely fail here.";
  }
  if (reachable.length === offered.length) return everySentence(offered.map((result) => result.carrier));
  const ways = reachable.map((result) =>
    result.port === null ? result.carrier : `${result.carrier} on port ${result.port}`,
  );
  const blocked = offered.some((result) => result.carrier === "UDP" && result.outcome === "unreachable");
  if (blocked) return `Your network blocks UDP; calls run over ${list(ways)}, which bears a poor network less well.`;
  return `Relays can be reached over ${list(ways)}, which is enough for a call.`;
}

function everySentence(carriers: readonly RelayCarrier[]): string {
  if (carriers.length === 1) return `The relay can be reached over ${carriers[0]}, the only way that is offered.`;
  return `Relays can be reached over ${list(carriers)}: your network is fit for calls.`;
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function relays(path: PathFacts): number {
  return path.gathered.filter((candidate) => candidate.type === "relay").length;
}

function onlyRelays(path: PathFacts): boolean {
  return (
    !path.relayOnlyByPolicy && path.gatheringEnded && path.gathered.length > 0 && relays(path) === path.gathered.length
  );
}
