// The connect API, typed: it lets a caller into a session and ends it, and every refusal becomes a failure in words.
import { CallFailure, failure, failureOfAnswer } from "../call/failures.ts";
import type { TransportName } from "../model.ts";

/** The way into a session by a WebSocket. */
export interface SocketWayIn {
  readonly sessionId: string;
  readonly wsUrl: string;
}

/** The way into a session by WebRTC. `offerUrl` carries what the session's next offers need, so use the last one. */
export interface PeerWayIn {
  readonly sessionId: string;
  readonly offerUrl: string;
  readonly iceServers: RTCIceServer[];
}

/** The way into a session by a room of Daily's. Whoever has the token is let in until it expires, so it is a secret. */
export interface RoomWayIn {
  readonly sessionId: string;
  readonly dailyRoom: string;
  readonly dailyToken: string;
}

export interface ConnectApi {
  startSocket(body: AgentBody): Promise<SocketWayIn>;
  startPeer(body: AgentBody): Promise<PeerWayIn>;
  startDaily(body: AgentBody): Promise<RoomWayIn>;
  /** A way into the room of a session for somebody else. */
  invite(sessionId: string): Promise<RoomWayIn>;
  /** The way back into a session. */
  resumeSocket(sessionId: string): Promise<SocketWayIn>;
  /** Fresh ICE servers for a session, before an ICE restart. */
  resumePeer(way: PeerWayIn): Promise<PeerWayIn>;
  /** For Pipecat's transport, which sends offers and candidates itself. */
  offerHeaders(): Promise<Headers>;
  endSession(sessionId: string): Promise<void>;
  /** End a session from a page that is being left: with the token that is at hand, and without waiting. */
  abandonSession(sessionId: string): void;
  /** Have a valid token at hand for `abandonSession`. */
  keepToken(): Promise<void>;
  /** For the self-test: starts a WebRTC session and ends it again. */
  iceServers(): Promise<RTCIceServer[]>;
}

/** What is for the agent: POST /start hands it on as it is. */
export type AgentBody = Readonly<Record<string, unknown>>;

export interface ConnectApiOptions {
  /** Without a trailing slash. */
  readonly apiUrl: string;
  /** null where the API is open to all. `rejected` is a token that the API did not take: a fresh one is wanted. */
  readonly accessToken: (rejected?: string) => Promise<string | null>;
  readonly fetch?: typeof globalThis.fetch;
}

/** Every method throws `CallFailure`. */
export function createConnectApi({
  apiUrl,
  accessToken,
  fetch = (...all) => globalThis.fetch(...all),
}: ConnectApiOptions): ConnectApi {
  let atHand: string | null = null;
  /** A token that was sent without an answer that could be read, and renewed since. */
  let doubted: string | null = null;

  const token = async (rejected?: string): Promise<string | null> => {
    try {
      atHand = await accessToken(rejected);
      return atHand;
    } catch (error) {
      throw new CallFailure(failure(error instanceof TypeError ? "unreachable" : "signed-out"), { cause: error });
    }
  };

  const send = async (method: string, path: string, body: unknown, bearer: string | null): Promise<Response> => {
    try {
      return await fetch(`${apiUrl}${path}`, {
        method,
        headers: { ...authorization(bearer), ...(body !== undefined && { "Content-Type": "application/json" }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new CallFailure(failure("unreachable"), { cause: error });
    }
  };

  const request = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const bearer = await token();
    // A gateway's 401 may lack CORS headers: then a browser doesn't tell it from a network that is gone. So a token is
    // renewed once for that, too, until there is an answer again.
    let response = await send(method, path, body, bearer).catch(async (error: unknown) => {
      if (bearer === null || bearer === doubted) {
        throw error;
      }
      doubted = await token(bearer);
      return send(method, path, body, doubted);
    });
    doubted = null;
    if (response.status === 401 && bearer !== null) {
      response = await send(method, path, body, await token(bearer));
    }
    if (!response.ok) {
      throw new CallFailure(failureOfAnswer(response.status, await response.json().catch(() => null)));
    }
    return response;
  };

  const start = async (transport: TransportName, body: AgentBody): Promise<Started> => {
    const response = await request("POST", "/start", { transport, body });
    const sessionId = response.headers.get("switchboard-session-id");
    if (!sessionId) {
      throw new CallFailure(failure("refused"));
    }
    return { sessionId, fields: (await response.json()) as Record<string, unknown> };
  };

  const endSession = async (sessionId: string): Promise<void> => {
    await request("DELETE", `/sessions/${sessionId}`);
  };
  const startPeer = async (body: AgentBody): Promise<PeerWayIn> => {
    const { sessionId, fields } = await start("webrtc", body);
    return peerWayIn(sessionId, fields, apiUrl);
  };

  return {
    async startSocket(body) {
      const { sessionId, fields } = await start("websocket", body);
      return { sessionId, wsUrl: String(fields.wsUrl) };
    },
    startPeer,
    async startDaily(body) {
      const { sessionId, fields } = await start("daily", body);
      return roomWayIn(sessionId, fields);
    },
    async invite(sessionId) {
      const response = await request("POST", `/sessions/${sessionId}/participants`, {});
      return roomWayIn(sessionId, (await response.json()) as Record<string, unknown>);
    },
    async resumeSocket(sessionId) {
      const response = await request("POST", `/sessions/${sessionId}/url`);
      return { sessionId, wsUrl: String(((await response.json()) as Record<string, unknown>).wsUrl) };
    },
    async resumePeer({ sessionId, offerUrl }) {
      const path = offerUrl.slice(apiUrl.length).replace(/offer$/, "ice-servers");
      const response = await request("POST", path);
      return peerWayIn(sessionId, (await response.json()) as Record<string, unknown>, apiUrl);
    },
    async offerHeaders() {
      return new Headers(authorization(await token()));
    },
    endSession,
    abandonSession(sessionId) {
      void fetch(`${apiUrl}/sessions/${sessionId}`, {
        method: "DELETE",
        keepalive: true,
        headers: authorization(atHand),
      }).catch(() => undefined); // nobody is left to be told
    },
    async keepToken() {
      await token();
    },
    async iceServers() {
      const { sessionId, iceServers } = await startPeer({});
      await endSession(sessionId);
      return iceServers;
    },
  };
}

interface Started {
  readonly sessionId: string;
  readonly fields: Record<string, unknown>;
}

function authorization(token: string | null): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

function roomWayIn(sessionId: string, { dailyRoom, dailyToken }: Record<string, unknown>): RoomWayIn {
  return { sessionId, dailyRoom: String(dailyRoom), dailyToken: String(dailyToken) };
}

function peerWayIn(sessionId: string, fields: Record<string, unknown>, apiUrl: string): PeerWayIn {
  const { iceServers } = fields.iceConfig as { iceServers: RTCIceServer[] };
  return { sessionId, iceServers, offerUrl: `${apiUrl}/sessions/${fields.sessionId}/api/offer` };
}
