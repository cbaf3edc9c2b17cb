// Says what can be known of a call over a WebSocket, which in a browser has no statistics.
import type { ConnectionReport } from "../model.ts";
import { webSocketSentence } from "./sentence.ts";

/** Bytes since the WebSocket was opened. */
export interface WebSocketCounters {
  readonly sent: () => number;
  readonly received: () => number;
}

interface Sample {
  readonly at: number;
  readonly sent: number;
  readonly received: number;
}

/** What was counted when a WebSocket was described before: a rate takes two looks. */
const before = new WeakMap<WebSocketCounters, Sample>();

/**
 * Describes the call at this moment; hand over the same `counters` each time, about once a second. Of `url` only the
 * port is told.
 */
export function describeWebSocket(url: string, counters: WebSocketCounters): ConnectionReport {
  const { protocol, port } = new URL(url);
  const secure = protocol === "wss:";
  const ownPort = port === "" ? (secure ? 443 : 80) : Number(port);
  const carrier = secure ? "WebSocket over TLS" : "WebSocket";
  return {
    transport: "websocket",
    gathered: [],
    pair: { local: "host", remote: "host", carrier, port: ownPort },
    roundTripMilliseconds: null,
    jitterMilliseconds: null,
    lost: null,
    kilobitsPerSecond: rate(counters),
    sentence: webSocketSentence(carrier, ownPort),
  };
}

function rate(counters: WebSocketCounters): ConnectionReport["kilobitsPerSecond"] {
  const now = { at: performance.now(), sent: counters.sent(), received: counters.received() };
  const last = before.get(counters);
  before.set(counters, now);
  if (!last || now.at <= last.at) return null;
  const milliseconds = now.at - last.at;
  return {
    sent: ((now.sent - last.sent) * 8) / milliseconds,
    received: ((now.received - last.received) * 8) / milliseconds,
  };
}
