// What every transport is to a call: a line to the bot that opens, may be lost and come back, and closes.
import type { Signal } from "@preact/signals";
import type { AgentBody, ConnectApi } from "../api/connect_api.ts";
import type { ConnectionReport, Failure } from "../model.ts";
import type { BotOutput } from "./transcript.ts";

/** How the other side ended the call. */
export type End =
  | { readonly by: "bot" }
  /** Another connection took the call over: another window, as a rule. */
  | { readonly by: "other-window" }
  /** The session has reached its longest life, or its agent is being replaced. */
  | { readonly by: "session" }
  | { readonly by: "failure"; readonly failure: Failure };

/** Another person in the call, beside the caller and the bot. */
export interface Guest {
  readonly id: string;
  readonly name: string;
}

export interface LineEvents {
  lost(): void;
  ended(end: End): void;
  botTrack(track: MediaStreamTrack): void;
  botSpeaking(speaking: boolean): void;
  /** `guest`: the name of one who was invited, where it was not the caller. */
  callerSaid(text: string, final: boolean, guest?: string): void;
  botSays(output: BotOutput): void;
  serverMessage(message: unknown): void;
  guestJoined(guest: Guest): void;
  guestTrack(guest: Guest, track: MediaStreamTrack): void;
  guestLeft(guest: Guest): void;
  /** The bot's pipeline reports an error. */
  botErred(): void;
}

export interface LineOptions {
  readonly api: ConnectApi;
  readonly body: AgentBody;
  /** The call's audio context, made when it is first asked for: that takes a while, and the API need not wait for it. */
  readonly context: () => AudioContext;
  readonly events: LineEvents;
  readonly report: Signal<ConnectionReport | null>;
}

export interface Line {
  /** Ask the API for a session: the microphone isn't needed yet. Gives the session's id. */
  start(): Promise<string>;
  /** Also before `open`, so that the audio gets ready meanwhile. */
  useMicrophone(track: MediaStreamTrack): Promise<void>;
  /** Resolves when the bot is ready. Throws `CallFailure`. */
  open(microphone: MediaStreamTrack): Promise<void>;
  /** Where others should be told; the microphone itself is silent by then, or still. */
  setMuted?(muted: boolean): void;
  /** Makes a link into the call for somebody else. Throws `CallFailure`. */
  invite?(): Promise<string>;
  /** One attempt to come back after a loss; resolves when the bot is ready. Throws `CallFailure`. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

export type CreateLine = (options: LineOptions) => Line;
