// Every failure in words: what happened, and what the caller can do about it.
import type { Failure, FailureKind } from "../model.ts";

const WORDS: Readonly<Record<FailureKind, readonly [sentence: string, advice: string]>> = {
  "microphone-denied": [
    "This page may not use your microphone.",
    "Allow the microphone in the browser's settings for this page, then call again.",
  ],
  "microphone-missing": [
    "No microphone could be opened.",
    "Connect one, or end the program that is using it, then call again.",
  ],
  "signed-out": ["Your sign-in has ended.", "Sign in again to go on."],
  refused: ["The service refused the call.", "Tell the operator of this service, with the request id if there is one."],
  "no-relay": [
    "No way through the network was found: no relay could be reached.",
    "Try another network or connection type, or test your network.",
  ],
  busy: ["The service is busy.", "Try again in a moment."],
  dropped: ["The connection was lost and could not be restored.", "Check your network, then call again."],
  "bot-failed": [
    "The agent ended the call because something of its own failed.",
    "Call again; tell the operator if it fails again.",
  ],
  "bot-missing": [
    "You were in the room of this call, but the agent did not come.",
    "Call again; tell the operator if it fails again.",
  ],
  "daily-blocked": [
    "Daily's code for calls could not be loaded: something blocks it.",
    "Allow c.daily.co in your network and your browser's extensions, or choose another connection type.",
  ],
  "daily-failed": [
    "Daily, whose network was to carry the call, does not work at the moment.",
    "Try again in a moment, or choose another connection type.",
  ],
  "daily-setup": [
    "This service is not set up as calls over Daily need it.",
    "Choose another connection type, and tell the operator of this service, with the request id.",
  ],
  "room-gone": ["The room of this call no longer exists.", "Call again; that makes a new one."],
  "room-refused": [
    "Daily did not let you into the room of this call.",
    "Call again; tell the operator of this service if it fails again.",
  ],
  unreachable: ["The service can't be reached.", "Check your network; it may be offline, or block this service."],
  unsupported: ["This browser lacks what a call needs.", "Use a current Chrome, Edge, Firefox or Safari, over https."],
};

/** What the connect API answers with (lambda/connect), and what the agent behind it says through it. */
const KINDS: Readonly<Record<string, FailureKind>> = {
  missing_claim: "signed-out",
  no_relay: "no-relay",
  turn_unavailable: "no-relay",
  session_busy: "busy",
  agentcore_busy: "busy",
  agentcore_unreachable: "busy",
  agent_too_late: "busy",
  session_key_unavailable: "busy",
  room_exists: "busy",
  call_table_unavailable: "busy",
  agentcore_failed: "bot-failed",
  agent_failed: "bot-failed",
  daily_failed: "daily-failed",
  daily_unreachable: "daily-failed",
  daily_busy: "busy",
  daily_refused_key: "daily-setup",
  daily_secret_unusable: "daily-setup",
  no_daily: "daily-setup",
  session_over: "room-gone",
  unknown_connection: "dropped",
  agentcore_refused: "refused",
  body_too_large: "refused",
  internal_error: "refused",
  invalid_candidates: "refused",
  invalid_name: "refused",
  invalid_json: "refused",
  invalid_offer: "refused",
  invalid_pc_id: "refused",
  invalid_type: "refused",
  malformed_session_id: "refused",
  malformed_ticket: "refused",
  method_not_allowed: "refused",
  not_a_room: "refused",
  not_your_session: "refused",
  offer_without_audio: "refused",
  request_too_large: "refused",
  session_has_room: "refused",
  transport_not_deployed: "refused",
  unknown_field: "refused",
  unknown_route: "refused",
  unknown_transport: "refused",
  wrong_setup: "refused",
};

/** A failure on its way to those who show it. */
export class CallFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.sentence, options);
    this.name = "CallFailure";
    this.failure = failure;
  }
}

export function failure(kind: FailureKind, requestId?: string): Failure {
  const [sentence, advice] = WORDS[kind];
  return requestId ? { kind, sentence, advice, requestId } : { kind, sentence, advice };
}

/** Why the API did not do it: its own error body, or API Gateway's `{"message"}`, which has no code. */
export function failureOfAnswer(status: number, body: unknown): Failure {
  const { code, requestId } = errorOf(body);
  return failure((code && KINDS[code]) || kindOfStatus(status), requestId);
}

/** Why getUserMedia failed (https://www.w3.org/TR/mediacapture-streams/#dom-mediadevices-getusermedia). */
export function failureOfMicrophone(error: unknown): Failure {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") {
    return failure("microphone-denied");
  }
  return failure(name === "TypeError" ? "unsupported" : "microphone-missing");
}

/** Anything that was thrown on the way to a call, as a failure; `otherwise` where it says nothing of its own. */
export function failureOf(error: unknown, otherwise: FailureKind): Failure {
  return error instanceof CallFailure ? error.failure : failure(otherwise);
}

function errorOf(body: unknown): { code?: string; requestId?: string } {
  const error: unknown = (body as { error?: unknown } | null)?.error;
  if (typeof error !== "object" || error === null) {
    return {};
  }
  const { code, requestId } = error as { code?: unknown; requestId?: unknown };
  return {
    ...(typeof code === "string" && { code }),
    ...(typeof requestId === "string" && { requestId }),
  };
}

function kindOfStatus(status: number): FailureKind {
  if (status === 401) {
    return "signed-out";
  }
  if (status === 409 || status === 429 || status >= 500) {
    return "busy";
  }
  return "refused";
}
