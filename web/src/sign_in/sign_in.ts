// Who talks: sign-in at the OpenID Connect provider of config.json, by authorization code with PKCE.
import { type ReadonlySignal, signal } from "@preact/signals";
import {
  type IdTokenClaims,
  OidcClient,
  type RefreshState,
  type SigninResponse,
  WebStorageStateStore,
} from "oidc-client-ts";
import type { SignInConfig } from "../config.ts";
import { ENDED, isRefusal, NOT_FROM_HERE, problemOf } from "./problems.ts";
import { createSession, type Session, SignedOut, type Tokens } from "./session.ts";

export { SignedOut };

export interface SignIn {
  /** What to call the person who has signed in; null when nobody has. */
  readonly user: ReadonlySignal<string | null>;
  /** Why the last sign-in did not come about or has ended, one sentence; null while there is nothing to say. */
  readonly problem: ReadonlySignal<string | null>;
  /**
   * An access token with at least a minute of life, renewed first where it has less.
   * Give the token that an API refused with 401 to have it renewed whatever its life.
   * Throws SignedOut when there is no sign-in to renew, and a TypeError, as fetch does, while the provider
   * can't be reached.
   */
  accessToken(refused?: string): Promise<string>;
  /** Leaves the page for the provider. Where that can't be reached the page stays, and `problem` says so. */
  signIn(): Promise<void>;
  /** Revokes the refresh token and ends the session at the provider too, as far as it lets that be done. */
  signOut(): Promise<void>;
}

/** What a sign-in needs of a browser. */
export interface Page {
  readonly url: string;
  readonly storage: Storage;
  go(url: string): void;
  /** Changes the address bar without loading anything. */
  showUrl(url: string): void;
}

interface SignedInTokens extends Tokens {
  readonly id: string | null;
  readonly scope: string | null;
  readonly claims: IdTokenClaims;
}

const ANSWER_PARAMETERS = ["code", "state", "error", "error_description", "error_uri", "iss", "session_state"];
const REQUEST_TIMEOUT_SECONDS = 10;

/** Handles the return from the provider, if that is how the page was opened, and cleans the address bar. */
export async function createSignIn(config: SignInConfig, page: Page = browserPage()): Promise<SignIn> {
  const pageUrl = `${new URL(page.url).origin}/`;
  const client = createClient(config, page, pageUrl);
  const user = signal<string | null>(null);
  const problem = signal<string | null>(null);
  let session: Session<SignedInTokens> | null = null;

  function begin(response: SigninResponse): void {
    const tokens = tokensOf(response, null);
    session = createSession(tokens, {
      renew: async (current) => tokensOf(await renew(client, current), current),
      isRefusal,
      onEnd: () => {
        forget();
        problem.value = ENDED;
      },
    });
    user.value = nameOf(tokens.claims);
  }

  function forget(): void {
    session?.end();
    session = null;
    user.value = null;
  }

  async function accessToken(refused?: string): Promise<string> {
    if (session === null) {
      throw new SignedOut("Nobody has signed in.");
    }
    try {
      return await session.accessToken(refused);
    } catch (error) {
      throw error instanceof SignedOut ? error : new TypeError(problemOf(error), { cause: error });
    }
  }

  async function signIn(): Promise<void> {
    problem.value = null;
    try {
      const { url } = await client.createSigninRequest({});
      page.go(url);
    } catch (error) {
      problem.value = problemOf(error);
    }
  }

  async function signOut(): Promise<void> {
    const tokens = session?.tokens;
    forget();
    problem.value = null;
    if (tokens !== undefined) {
      // A provider that can't be reached, or lacks the endpoint, doesn't keep anybody signed in on this page.
      await revoke(client, tokens).catch(() => {});
      const url = await signOutUrl(client, tokens, pageUrl).catch(() => null);
      if (url !== null) {
        page.go(url);
      }
    }
  }

  const returned = takeAnswer(page);
  if (returned !== null) {
    try {
      const known = await client.readSigninResponseState(returned).catch(() => null);
      if (known === null) {
        problem.value = NOT_FROM_HERE;
      } else {
        begin(await client.processSigninResponse(returned));
      }
    } catch (error) {
      problem.value = problemOf(error);
    }
  }
  return { user, problem, accessToken, signIn, signOut };
}

function browserPage(): Page {
  return {
    url: location.href,
    storage: sessionStorage,
    go: (url) => location.assign(url),
    showUrl: (url) => history.replaceState(null, "", url),
  };
}

function createClient(config: SignInConfig, page: Page, pageUrl: string): OidcClient {
  return new OidcClient({
    authority: config.issuer,
    client_id: config.clientId,
    redirect_uri: pageUrl,
    scope: config.scope,
    extraQueryParams: config.audience === null ? {} : { audience: config.audience },
    // Only what belongs to a sign-in under way, its state and code verifier, outlives the page.
    stateStore: new WebStorageStateStore({ prefix: "sign-in.", store: page.storage }),
    requestTimeoutInSeconds: REQUEST_TIMEOUT_SECONDS,
  });
}

/** The page's address where it holds a provider's answer, which is taken out of the address bar; else null. */
function takeAnswer(page: Page): string | null {
  const url = new URL(page.url);
  if (!url.searchParams.has("state") || !(url.searchParams.has("code") || url.searchParams.has("error"))) {
    return null;
  }
  for (const name of ANSWER_PARAMETERS) {
    url.searchParams.delete(name);
  }
  page.showUrl(url.href);
  return page.url;
}

async function renew(client: OidcClient, current: SignedInTokens): Promise<SigninResponse> {
  const state: RefreshState = {
    refresh_token: current.refresh ?? "",
    ...(current.id === null ? {} : { id_token: current.id }),
    ...(current.scope === null ? {} : { scope: current.scope }),
    profile: current.claims,
    session_state: null,
  };
  return client.useRefreshToken({ state, timeoutInSeconds: REQUEST_TIMEOUT_SECONDS });
}

/** A renewal may leave out what stays as it was. */
function tokensOf(response: SigninResponse, before: SignedInTokens | null): SignedInTokens {
  return {
    access: response.access_token,
    refresh: response.refresh_token ?? before?.refresh ?? null,
    lifetime: response.expires_in ?? null,
    id: response.id_token ?? before?.id ?? null,
    scope: response.scope ?? before?.scope ?? null,
    claims: response.profile,
  };
}

function nameOf(claims: Readonly<Record<string, unknown>>): string {
  const names = [claims.preferred_username, claims.email, claims["cognito:username"], claims.sub];
  return (names.find((name) => typeof name === "string" && name !== "") as string | undefined) ?? "signed in";
}

async function revoke(client: OidcClient, tokens: SignedInTokens): Promise<void> {
  if (tokens.refresh !== null && (await client.metadataService.getRevocationEndpoint(true)) !== undefined) {
    await client.revokeToken(tokens.refresh, "refresh_token");
  }
}

/** Where to end the session at the provider, or null where it has no such page. */
async function signOutUrl(client: OidcClient, tokens: SignedInTokens, pageUrl: string): Promise<string | null> {
  const endpoint = await client.metadataService.getEndSessionEndpoint();
  if (endpoint === undefined) {
    return null;
  }
  if ("cognito:username" in tokens.claims) {
    // https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html knows none of the standard names.
    const url = new URL(endpoint);
    url.searchParams.set("client_id", client.settings.client_id);
    url.searchParams.set("logout_uri", pageUrl);
    return url.href;
  }
  const request = await client.createSignoutRequest({
    client_id: client.settings.client_id,
    post_logout_redirect_uri: pageUrl,
    ...(tokens.id === null ? {} : { id_token_hint: tokens.id }),
    extraQueryParams: {},
  });
  return request.url;
}
