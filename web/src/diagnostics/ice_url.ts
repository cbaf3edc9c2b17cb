// What the URL of an ICE server says of the way to it: carrier and port.

export type RelayCarrier = "UDP" | "TCP" | "TLS";

export const RELAY_CARRIERS: readonly RelayCarrier[] = ["UDP", "TCP", "TLS"];

export interface RelayUrl {
  readonly url: string;
  readonly carrier: RelayCarrier;
  readonly port: number;
}

/** Scheme, host, port, transport: https://www.rfc-editor.org/rfc/rfc7065#section-3.1 */
const TURN_URL = /^(turns?):(?:\[[^\]]*\]|[^:?[\]]+)(?::(\d+))?(?:\?transport=(udp|tcp))?$/i;

/**
 * Reads a TURN URL; null for STUN, and for TURN over DTLS (`turns` with `transport=udp`), which no browser speaks:
 * Chromium and Safari go to that port by TLS over TCP instead, so such a URL says nothing about UDP
 * (ParseIceServerUrl in https://webrtc.googlesource.com/src/+/refs/heads/main/pc/ice_server_parsing.cc).
 */
export function parseRelayUrl(url: string): RelayUrl | null {
  const [, scheme, port, transport] = TURN_URL.exec(url) ?? [];
  if (scheme === undefined) return null;
  const secure = scheme.toLowerCase() === "turns";
  const udp = (transport?.toLowerCase() ?? (secure ? "tcp" : "udp")) === "udp";
  if (secure && udp) return null;
  return { url, carrier: secure ? "TLS" : udp ? "UDP" : "TCP", port: Number(port ?? (secure ? 5349 : 3478)) };
}

/** The port that a URL of an ICE server names, DTLS and STUN included; null where it can't be told. */
export function portOf(url: string): number | null {
  const [, secure, port] = /^(?:turn|stun)(s?):(?:\[[^\]]*\]|[^:?[\]]+)(?::(\d+))?/i.exec(url) ?? [];
  if (secure === undefined) return null;
  return Number(port ?? (secure === "" ? 3478 : 5349));
}

export function urlsOf(server: RTCIceServer): readonly string[] {
  return typeof server.urls === "string" ? [server.urls] : server.urls;
}
