// The one typed door for configuration: config.json, written at deploy time beside the page.
import type { TransportName } from "./model.ts";

export interface SignInConfig {
  /** OpenID Connect issuer; its discovery document tells the rest. */
  readonly issuer: string;
  readonly clientId: string;
  /** Scopes, separated by spaces. */
  readonly scope: string;
  /** For issuers that want to know whom the access token is for; null where the issuer needs none. */
  readonly audience: string | null;
}

export interface Config {
  /** What the deployment calls itself: project and environment. */
  readonly name: string;
  /** Base URL of the connect API, without a trailing slash. */
  readonly apiUrl: string;
  /** What is deployed, the recommended one first; never empty. */
  readonly transports: readonly TransportName[];
  /** null where the API is open to everybody. */
  readonly signIn: SignInConfig | null;
  /** How long the agent waits for a caller whose connection was lost. */
  readonly reconnectGraceSeconds: number;
  /** Whether the agent can remember a caller who agrees. */
  readonly memory: boolean;
}

export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache" });
  if (!response.ok) {
    throw new Error(`config.json can't be had: HTTP ${response.status}. Deploy the page's stack again.`);
  }
  return (await response.json()) as Config;
}
