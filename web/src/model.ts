// What a call is to those who look at it: plain values, and the few things that can be asked of it.
import type { ReadonlySignal } from "@preact/signals";

export type TransportName = "webrtc" | "websocket" | "daily";

/** Why a call can't be had, or is over against the caller's will. */
export type FailureKind =
  | "microphone-denied"
  | "microphone-missing"
  | "signed-out" // the sign-in is over and could not be renewed
  | "refused" // the API or the agent refused the session
  | "no-relay" // no way through the network: neither direct nor by a relay
  | "busy" // quota, throttle, or the agent is busy; later it may work
  | "dropped" // the connection was lost, and one attempt to come back failed
  | "bot-failed" // the agent ended the call because something of its own broke
  | "bot-missing" // the caller was in the room, and the agent did not come
  | "daily-blocked" // Daily's own code could not be loaded
  | "daily-failed" // Daily's API, or its network, does not do what it should
  | "daily-setup" // the deployment lacks something that calls over Daily need
  | "room-gone" // the room of a session has expired, or was deleted
  | "room-refused" // Daily did not let the caller into the room
  | "unreachable" // the API does not answer: offline, or blocked
  | "unsupported"; // the browser lacks what a call needs

export interface Failure {
  readonly kind: FailureKind;
  /** What happened, one plain sentence. */
  readonly sentence: string;
  /** What the caller can do about it, one plain sentence. */
  readonly advice: string;
  /** Request id of the API, for the operator, where there is one. */
  readonly requestId?: string;
}

export type CallState =
  | { readonly name: "idle" }
  | { readonly name: "asking" } // for the microphone
  | { readonly name: "connecting" }
  | { readonly name: "listening" } // the bot hears the caller
  | { readonly name: "speaking" } // the bot speaks
  | { readonly name: "reconnecting" } // the one attempt after a loss
  | { readonly name: "ended"; readonly sentence: string }
  | { readonly name: "failed"; readonly failure: Failure };

export interface TranscriptLine {
  readonly id: number;
  /** A notice is the page's own: "The connection was lost and came back." */
  readonly speaker: "caller" | "bot" | "guest" | "notice";
  /** Of a guest, whom the caller has invited. */
  readonly name?: string;
  readonly text: string;
  /** Words that may still change, or that the bot has not spoken yet. */
  readonly interim: boolean;
}

/** One answer: from the end of the caller's speech, as the microphone heard it, to the bot's first audio at the ear. */
export interface Answer {
  readonly number: number;
  readonly milliseconds: number;
}

/** Loudness for the eye, 0 to 1. */
export interface Levels {
  readonly caller: number;
  readonly bot: number;
}

export interface Devices {
  readonly microphones: readonly MediaDeviceInfo[];
  readonly speakers: readonly MediaDeviceInfo[];
  readonly microphone: string | null;
  readonly speaker: string | null;
}

export interface Call {
  readonly state: ReadonlySignal<CallState>;
  readonly transcript: ReadonlySignal<readonly TranscriptLine[]>;
  readonly answers: ReadonlySignal<readonly Answer[]>;
  readonly levels: ReadonlySignal<Levels>;
  readonly devices: ReadonlySignal<Devices>;
  readonly muted: ReadonlySignal<boolean>;
  readonly connection: ReadonlySignal<ConnectionReport | null>;
  /** Of this call or the last one, for the operator. */
  readonly sessionId: ReadonlySignal<string | null>;
  /** Makes a link into this call for somebody else; null where nobody can join. It lets in whoever has it. */
  readonly invite: ReadonlySignal<(() => Promise<string>) | null>;

  start(choice: { readonly transport: TransportName; readonly remember: boolean }): Promise<void>;
  hangUp(): Promise<void>;
  setMuted(muted: boolean): void;
  chooseMicrophone(deviceId: string): Promise<void>;
  chooseSpeaker(deviceId: string): Promise<void>;
}

export type CandidateType = "host" | "srflx" | "prflx" | "relay";
/** How the browser's packets travel: to the relay where there is one, else to the agent. */
export type Carrier = "UDP" | "TCP" | "TLS" | "WebSocket over TLS" | "WebSocket";

export interface GatheredCandidate {
  readonly type: CandidateType;
  readonly carrier: Carrier;
  /** Never an address of the caller's: only how many candidates of that kind there are. */
  readonly count: number;
}

/** How the call travels now. `null` where the transport can't tell: a WebSocket has no statistics in a browser. */
export interface ConnectionReport {
  readonly transport: TransportName;
  readonly gathered: readonly GatheredCandidate[];
  readonly pair: {
    readonly local: CandidateType;
    readonly remote: CandidateType;
    readonly carrier: Carrier;
    readonly port: number | null;
  } | null;
  readonly roundTripMilliseconds: number | null;
  readonly jitterMilliseconds: number | null;
  /** Of the bot's audio packets, 0 to 1. */
  readonly lost: number | null;
  readonly kilobitsPerSecond: { readonly sent: number; readonly received: number } | null;
  /** What it means, for people: "Your network blocks UDP; the call runs over TLS on port 443." */
  readonly sentence: string;
}

export interface RelayTest {
  readonly carrier: "UDP" | "TCP" | "TLS";
  readonly port: number | null;
  readonly outcome: "testing" | "reachable" | "unreachable" | "not offered";
  readonly milliseconds: number | null;
}

export interface SelfTest {
  readonly running: boolean;
  readonly results: readonly RelayTest[];
  /** What the results mean, for people; empty while running. */
  readonly sentence: string;
}
