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

export interface LineEvents {
  lost(): void;
  ended(end: End): void;
  botTrack(track: MediaStreamTrack): void;
  botSpeaking(speaking: boolean): void;
  callerSaid(text: string, final: boolean): void;
  botSays(output: BotOutput): void;
  serverMessage(message: unknown): void;
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
  /** One attempt to come back after a loss; resolves when the bot is ready. Throws `CallFailure`. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

export type CreateLine = (options: LineOptions) => Line;
