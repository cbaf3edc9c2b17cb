// What went wrong with a sign-in, in words for the person in front of the page.
import { ErrorResponse, ErrorTimeout } from "oidc-client-ts";

export const NOT_FROM_HERE = "That sign-in did not start in this tab, or it took too long. Sign in again.";
export const ENDED = "Your sign-in has ended. Sign in again to go on.";

const BY_CODE: Readonly<Record<string, string>> = {
  access_denied: "The sign-in was cancelled, or you are not allowed in.",
  invalid_client: "The sign-in service does not know this page. Its operator has to correct the client id.",
  invalid_grant: "The sign-in took too long or was used before. Sign in again.",
  invalid_scope: "The sign-in service refuses what this page asks for. Its operator has to correct the scopes.",
  server_error: "The sign-in service had a fault of its own. Try again.",
  temporarily_unavailable: "The sign-in service is busy. Try again in a minute.",
  unauthorized_client: "The sign-in service does not let this page sign anybody in. Its operator has to allow it.",
};

/** A sentence. It holds nothing that came with the address, which anybody can write. */
export function problemOf(error: unknown): string {
  if (error instanceof ErrorResponse) {
    return BY_CODE[error.error ?? ""] ?? "The sign-in service refused the sign-in. Try again, or ask its operator.";
  }
  if (isUnreachable(error)) {
    return "The sign-in service can't be reached. Check your connection and try again.";
  }
  return "The sign-in service gave an answer that this page can't use. Try again, or ask its operator.";
}

/** Whether nothing came back: `fetch` throws a TypeError for every failure of the network, and for CORS. */
function isUnreachable(error: unknown): boolean {
  return error instanceof ErrorTimeout || error instanceof TypeError;
}

const REFUSALS = ["invalid_grant", "invalid_client", "unauthorized_client", "access_denied", "login_required"];

/** Whether the provider will never renew with this refresh token again. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ErrorResponse && error.error !== null && REFUSALS.includes(error.error);
}
