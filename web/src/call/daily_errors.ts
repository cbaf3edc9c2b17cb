// What Daily's fatal errors mean to a caller.
import type { Failure } from "../model.ts";
import { failure } from "./failures.ts";
import type { End } from "./line.ts";

/** Of an `error` event, where Daily knows more. https://docs.daily.co/reference/daily-js/events/error-events */
export interface DailyError {
  readonly type: string;
  readonly details?: { readonly on?: string };
}

/** Where the one `connection-error` comes from that says nothing of the network: Daily's code did not come. */
const LOADING = "load";

/** Why there is no call, when the bot was not ready yet. */
export function failureOfDaily(error: DailyError | undefined): Failure {
  switch (error?.type) {
    case "connection-error":
      return failure(kindOfConnectionError(error.details?.on));
    case "exp-room":
    case "exp-token":
    case "no-room":
      return failure("room-gone");
    case "ejected":
      return failure("bot-failed"); // only the agent may eject
    case undefined:
      return failure("daily-failed");
    default:
      return failure("room-refused");
  }
}

/** How a call ended that ran. Only the agent may eject, and rooms are deleted when a session is over. */
export function endOfDaily(error: DailyError | undefined): End {
  switch (error?.type) {
    case "ejected":
    case "no-room":
      return { by: "bot" };
    case "exp-room":
    case "exp-token":
      return { by: "session" };
    default:
      return { by: "failure", failure: failure("dropped") };
  }
}

function kindOfConnectionError(on: string | undefined) {
  if (on === LOADING) {
    return "daily-blocked";
  }
  return on === "rtc-connection" ? "no-relay" : "daily-failed";
}
