// The words and the one action that go with each state of a call, apart from any markup, so that they can be tested.
import type { CallState, FailureKind } from "../model.ts";

export interface StateWords {
  readonly headline: string;
  /** Empty where the failure's own sentence says it. */
  readonly detail: string;
}

export type Action = "call" | "call-again" | "hang-up" | "sign-in";

export const ACTION_NAMES: Readonly<Record<Action, string>> = {
  call: "Call",
  "call-again": "Call again",
  "hang-up": "Hang up",
  "sign-in": "Sign in",
};

const FAILED: Readonly<Record<FailureKind, string>> = {
  "microphone-denied": "Microphone blocked",
  "microphone-missing": "No microphone found",
  "signed-out": "You are signed out",
  refused: "Call refused",
  "no-relay": "No way through",
  busy: "The line is busy",
  dropped: "Call dropped",
  "bot-failed": "The bot broke off",
  "bot-missing": "The bot did not come",
  "daily-blocked": "Daily is blocked",
  "daily-failed": "Daily failed",
  "daily-setup": "Daily is not set up",
  "room-gone": "The room is gone",
  "room-refused": "Not let in",
  unreachable: "No answer",
  unsupported: "This browser can't call",
};

const LIVE: ReadonlySet<CallState["name"]> = new Set(["listening", "speaking", "reconnecting"]);
const UNDER_WAY: ReadonlySet<CallState["name"]> = new Set([...LIVE, "asking", "connecting"]);

/** Whether there is a conversation, or one attempt to get it back. */
export function isLive(state: CallState): boolean {
  return LIVE.has(state.name);
}

/** Whether there is something to hang up. */
export function isUnderWay(state: CallState): boolean {
  return UNDER_WAY.has(state.name);
}

export function wordsOf(state: CallState, muted: boolean): StateWords {
  switch (state.name) {
    case "idle":
      return { headline: "Ready when you are", detail: "Press Call, then simply talk." };
    case "asking":
      return { headline: "Allow the microphone", detail: "Your browser is asking for it." };
    case "connecting":
      return { headline: "Connecting", detail: "An agent of your own is starting." };
    case "listening":
      return muted
        ? { headline: "You are muted", detail: "The bot can't hear you." }
        : { headline: "Listening", detail: "Go ahead, the bot hears you." };
    case "speaking":
      return { headline: "Speaking", detail: muted ? "You are muted." : "Interrupt at any time." };
    case "reconnecting":
      return { headline: "Reconnecting", detail: "The connection was lost. One moment." };
    case "ended":
      return { headline: "Call ended", detail: state.sentence };
    case "failed":
      return { headline: FAILED[state.failure.kind], detail: "" };
  }
}

/** What the large button does now. `signedOut`: sign-in is needed and there is no user. */
export function actionOf(state: CallState, signedOut: boolean): Action {
  if (isUnderWay(state)) return "hang-up";
  if (signedOut) return "sign-in";
  return state.name === "failed" ? "call-again" : "call";
}
