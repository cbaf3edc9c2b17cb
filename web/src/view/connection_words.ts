// Connection reports in words and figures for people; what is not known is said, not left blank.
import type { CandidateType, ConnectionReport, RelayTest, TransportName } from "../model.ts";

export const TRANSPORT_NAMES: Readonly<Record<TransportName, string>> = {
  webrtc: "WebRTC",
  websocket: "WebSocket",
  daily: "Daily",
};

/** What speaks for each, in two words. */
export const TRANSPORT_NOTES: Readonly<Record<TransportName, string>> = {
  webrtc: "Made for voice",
  websocket: "Plain HTTPS",
  daily: "Daily's network",
};

const CANDIDATES: Readonly<Record<CandidateType, string>> = {
  host: "Direct (host)",
  srflx: "Through NAT (srflx)",
  prflx: "Found on the way (prflx)",
  relay: "By relay (relay)",
};

const UNKNOWN = "not measured";

export function candidateName(type: CandidateType): string {
  return CANDIDATES[type];
}

export function milliseconds(value: number | null): string {
  return value === null ? UNKNOWN : `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ms`;
}

export function percent(value: number | null): string {
  return value === null ? UNKNOWN : `${Math.round(value * 1000) / 10} %`;
}

export function pairName(report: ConnectionReport): string {
  return report.pair === null ? unknownPath(report) : `${report.pair.local} to ${report.pair.remote}`;
}

export function carrierName(report: ConnectionReport): string {
  if (report.pair === null) return unknownPath(report);
  return report.pair.port === null ? report.pair.carrier : `${report.pair.carrier}, port ${report.pair.port}`;
}

function unknownPath({ transport }: ConnectionReport): string {
  return transport === "daily" ? "chosen by Daily" : "none";
}

/** Terms and values of the list, in the order in which people look for them. */
export function factsOf(report: ConnectionReport): readonly (readonly [term: string, value: string])[] {
  const rate = report.kilobitsPerSecond;
  return [
    ["Connection type", TRANSPORT_NAMES[report.transport]],
    ["Path", pairName(report)],
    ["Carried by", carrierName(report)],
    ["Round trip", milliseconds(report.roundTripMilliseconds)],
    ["Jitter", milliseconds(report.jitterMilliseconds)],
    ["Packets lost", percent(report.lost)],
    ["Sending", rate === null ? UNKNOWN : `${Math.round(rate.sent)} kbit/s`],
    ["Receiving", rate === null ? UNKNOWN : `${Math.round(rate.received)} kbit/s`],
  ];
}

/** The report in three words, for the closed disclosure: "WebRTC · UDP · 24 ms". */
export function summaryOf(report: ConnectionReport): string {
  const parts = [TRANSPORT_NAMES[report.transport]];
  if (report.pair !== null && report.transport !== "websocket") parts.push(report.pair.carrier);
  if (report.roundTripMilliseconds !== null) parts.push(milliseconds(report.roundTripMilliseconds));
  return parts.join(" · ");
}

export function relayWords(result: RelayTest): string {
  if (result.outcome !== "reachable" || result.milliseconds === null) return result.outcome;
  return `reachable in ${milliseconds(result.milliseconds)}`;
}
