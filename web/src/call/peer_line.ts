// A call over WebRTC: Pipecat's transport, with the page's own way back after a loss and its own microphone.
import type { APIRequest, PipecatClient } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";
import type { PeerWayIn } from "../api/connect_api.ts";
import { watchPeerConnection } from "../diagnostics/peer_connection.ts";
import { CallFailure, failure, failureOfAnswer } from "./failures.ts";
import type { Line, LineOptions } from "./line.ts";
import { createClient, within } from "./rtvi.ts";

const READY_SECONDS = 30; // a cold start of the agent's session included
const RESUME_SECONDS = 15;
/** A relay answers within some round trips, or is not to be waited for. */
const RELAY_MILLISECONDS = 250;
/** ICE often mends a short gap by itself. */
const PATIENCE_SECONDS = 2;

/** What SmallWebRTCTransport 1.10.8 has, and its types leave out. */
interface Unpublished {
  pc: RTCPeerConnection | null;
  dc: RTCDataChannel | null;
  _webrtcRequest: APIRequest | null;
  createPeerConnection(): RTCPeerConnection;
  closePeerConnection(connection: RTCPeerConnection): void;
  handleICEConnectionStateChange(): void;
  attemptReconnection(anew?: boolean): Promise<void>;
  startNewPeerConnection(anew?: boolean): Promise<void>;
  stop(error?: Error): Promise<void>;
  waitForIceGatheringComplete(): Promise<void>;
  _canSendIceCandidates: boolean;
  _candidateQueue: RTCIceCandidate[];
  flushIceCandidates(): Promise<void>;
  buildTransportStartError(): Error;
}

type Options = ConstructorParameters<typeof SmallWebRTCTransport>[0];
const Published = SmallWebRTCTransport as unknown as new (options: Options) => SmallWebRTCTransport & Unpublished;

interface Hooks {
  made(connection: RTCPeerConnection): void;
  /** The state of ICE in the connection in use. */
  iceState(state: RTCIceConnectionState): void;
  /** An offer was not answered as it should be. */
  offerFailed(error: Error): void;
}

/** Where Pipecat's would try three times with the ICE servers that it has, and stop the microphone, this one asks. */
class PeerTransport extends Published {
  private readonly hooks: Hooks;

  constructor(options: Options, hooks: Hooks) {
    super(options);
    this.hooks = hooks;
  }

  override createPeerConnection(): RTCPeerConnection {
    const connection = super.createPeerConnection();
    this.hooks.made(connection);
    return connection;
  }

  override closePeerConnection(connection: RTCPeerConnection): void {
    connection.close(); // the microphone is the page's
  }

  override handleICEConnectionStateChange(): void {
    if (this.pc) {
      this.hooks.iceState(this.pc.iceConnectionState);
    }
  }

  override async attemptReconnection(anew = false): Promise<void> {
    // Without `anew` Pipecat wants to repeat the offer when all candidates are known; they have been sent.
    if (anew) {
      this.hooks.offerFailed(this.buildTransportStartError());
    }
  }

  /** With an error it is Pipecat's answer to a refused offer; of a restart nobody else would hear. */
  override async stop(error?: Error): Promise<void> {
    if (error) {
      this.hooks.offerFailed(error);
    }
    await super.stop(error);
  }

  /**
   * An offer with a relay in it needs no second request before packets flow. The other candidates follow by PATCH, so
   * this waits for no relay that can't be reached.
   */
  override async waitForIceGatheringComplete(): Promise<void> {
    const connection = this.pc as RTCPeerConnection;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, RELAY_MILLISECONDS);
      connection.addEventListener("icecandidate", ({ candidate }) => {
        if (candidate === null || candidate.type === "relay") {
          resolve();
        }
      });
    });
  }

  /** The connection need not wait for the candidates that it may not need. */
  override async flushIceCandidates(): Promise<void> {
    void super.flushIceCandidates();
  }

  /** Replace the peer connection by one with these ICE servers; resolves when its data channel is open. */
  async restart(request: APIRequest, iceServers: RTCIceServer[]): Promise<void> {
    const old = this.pc;
    this.iceServers = iceServers;
    this._webrtcRequest = request;
    this._canSendIceCandidates = false; // until the answer, the agent would take them for the old connection's
    this._candidateQueue = [];
    await this.startNewPeerConnection(true);
    old?.close();
    const channel = this.dc;
    if (channel && channel.readyState !== "open") {
      await new Promise((resolve) => channel.addEventListener("open", resolve, { once: true }));
    }
  }
}

export function createPeerLine({ api, body, events, report }: LineOptions): Line {
  let way: PeerWayIn | null = null;
  let client: PipecatClient | null = null;
  let transport: PeerTransport | null = null;
  let microphone: MediaStreamTrack | null = null;
  let stopWatching = (): void => undefined;
  let ready = false;
  let closed = false;
  let away = false;
  let fail: (error: Error) => void = () => undefined;
  let onReady: () => void = () => undefined;

  const lose = (): void => {
    if (ready && !closed && !away) {
      away = true;
      events.lost();
    }
  };
  const hooks: Hooks = {
    made(connection) {
      stopWatching();
      stopWatching = watchPeerConnection(connection, report);
    },
    iceState(state) {
      const connection = transport?.pc;
      if (state === "failed") {
        ready ? lose() : fail(new CallFailure(failure("no-relay")));
      } else if (state === "disconnected") {
        setTimeout(() => connection?.iceConnectionState === "disconnected" && lose(), PATIENCE_SECONDS * 1000);
      }
    },
    offerFailed: (error) => fail(error),
  };

  const request = async ({ offerUrl }: PeerWayIn): Promise<APIRequest> => ({
    endpoint: offerUrl,
    headers: await api.offerHeaders(),
  });
  const connect = async (): Promise<void> => {
    const { iceServers } = way as PeerWayIn;
    transport = new PeerTransport({ mediaManager: new PeerMedia(() => microphone), waitForICEGathering: true }, hooks);
    client = createClient(transport, {
      ...events,
      botLeft: () => closed || events.ended({ by: "bot" }),
      botReady: () => onReady(),
    });
    const webrtcRequestParams = await request(way as PeerWayIn);
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await Promise.race([client.connect({ webrtcRequestParams, iceConfig: { iceServers } }), failed]);
  };
  const restart = async (): Promise<void> => {
    way = await api.resumePeer(way as PeerWayIn);
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const answered = new Promise<void>((resolve) => {
      onReady = resolve;
    });
    const connection = transport as PeerTransport;
    await Promise.race([connection.restart(await request(way), way.iceServers), failed]);
    connection.sendReadyMessage();
    await Promise.race([answered, failed]);
  };

  return {
    async start() {
      way = await api.startPeer(body);
      return way.sessionId;
    },
    async open(track) {
      microphone = track;
      try {
        await within(READY_SECONDS, connect(), () => new CallFailure(failure("no-relay")));
      } catch (error) {
        throw await offerFailure(error);
      }
      ready = true;
    },
    async resume() {
      try {
        await within(RESUME_SECONDS, restart(), () => new CallFailure(failure("dropped")));
      } catch (error) {
        throw await offerFailure(error);
      }
      away = false;
    },
    async useMicrophone(track) {
      microphone = track;
      const sender = transport?.pc?.getTransceivers()[0]?.sender; // audio comes first with Pipecat
      await sender?.replaceTrack(track);
    },
    async close() {
      closed = true;
      stopWatching();
      await client?.disconnect();
    },
  };
}

/** The API's refusal of an offer, which Pipecat's transport hands on as the cause of its own error. */
async function offerFailure(error: unknown): Promise<CallFailure> {
  if (error instanceof CallFailure) {
    return error;
  }
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Response) {
    return new CallFailure(failureOfAnswer(cause.status, await cause.json().catch(() => null)), { cause: error });
  }
  return new CallFailure(failure("unreachable"), { cause: error });
}

/** The media manager that Pipecat's transport asks for: it gives the microphone that the page has opened. */
class PeerMedia extends WavMediaManager {
  private readonly microphone: () => MediaStreamTrack | null;

  constructor(microphone: () => MediaStreamTrack | null) {
    super();
    this.microphone = microphone;
  }

  async initialize(): Promise<void> {}
  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}

  tracks(): { local: { audio?: MediaStreamTrack } } {
    const audio = this.microphone();
    return { local: audio ? { audio } : {} };
  }
}
