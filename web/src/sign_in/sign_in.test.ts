import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, beforeEach, test } from "node:test";
import type { SignInConfig } from "../config.ts";
import { createSignIn, type Page, SignedOut, type SignIn } from "./sign_in.ts";

const PAGE_URL = "https://page.example.com/";
let server: Server;
let issuer: string;
let requests: { path: string; form: URLSearchParams }[] = [];
let claims: Record<string, string> = {};
let tokenError: { status: number; error: string } | null = null;
let withoutEndpoints: readonly string[] = [];
let signIns: SignIn[] = [];

function jwt(payload: object): string {
  return ["{}", JSON.stringify(payload), ""].map((part) => Buffer.from(part).toString("base64url")).join(".");
}

function discovery(): object {
  const endpoints = {
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    end_session_endpoint: `${issuer}/end?theme=dark`,
  };
  const offered = Object.entries(endpoints).filter(([name]) => !withoutEndpoints.includes(name));
  return { issuer, jwks_uri: `${issuer}/keys`, ...Object.fromEntries(offered) };
}

/** Like Cognito, a renewal gives no new refresh token; like others, no id token either. */
function tokens(grant: string | null): object {
  if (grant === "refresh_token") {
    return { access_token: `access-${requests.length}`, expires_in: 3600 };
  }
  return {
    access_token: `access-${requests.length}`,
    refresh_token: "refresh",
    id_token: jwt(claims),
    expires_in: 3600,
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request) {
    body += chunk;
  }
  const path = request.url ?? "";
  const form = new URLSearchParams(body);
  requests.push({ path, form });
  const failed = path === "/token" ? tokenError : null;
  response.writeHead(failed?.status ?? 200, { "Content-Type": "application/json" });
  const found = path.startsWith("/.well-known") ? discovery() : path === "/token" ? tokens(form.get("grant_type")) : {};
  response.end(JSON.stringify(failed === null ? found : { error: failed.error }));
}

/** A browser's tab: what it shows, where it was sent, and a storage that outlives its pages. */
class Tab {
  readonly sent: string[] = [];
  readonly stored = new Map<string, string>();
  url = PAGE_URL;

  page(): Page {
    const stored = this.stored;
    const storage = {
      get length() {
        return stored.size;
      },
      key: (index: number) => [...stored.keys()][index] ?? null,
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
      removeItem: (key: string) => void stored.delete(key),
      clear: () => stored.clear(),
    };
    const showUrl = (url: string) => {
      this.url = url;
    };
    return { url: this.url, storage, go: (url) => void this.sent.push(url), showUrl };
  }

  async load(changes: Partial<SignInConfig> = {}): Promise<SignIn> {
    const config = { issuer, clientId: "page", scope: "openid calls", audience: null, ...changes };
    const signIn = await createSignIn(config, this.page());
    signIns.push(signIn);
    return signIn;
  }

  /** What the page asked of the provider when it last sent the browser there. */
  get asked(): URLSearchParams {
    return new URL(this.sent.at(-1) ?? "").searchParams;
  }

  /** Goes to the provider and comes back with an answer. */
  async signIn(result: Record<string, string> = { code: "code-1" }): Promise<SignIn> {
    await (await this.load()).signIn();
    this.url = `${PAGE_URL}?${new URLSearchParams({ ...result, state: this.asked.get("state") ?? "" })}`;
    return this.load();
  }
}

before(async () => {
  server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  requests = [];
  claims = { sub: "user-1", email: "ada@example.com" };
  tokenError = null;
  withoutEndpoints = [];
  signIns = [];
});

afterEach(async () => {
  await Promise.all(signIns.map((signIn) => signIn.signOut()));
});

test("a page that was opened without an answer asks the provider nothing", async () => {
  const signIn = await new Tab().load();
  assert.deepEqual([signIn.user.value, signIn.problem.value, requests], [null, null, []]);
  await assert.rejects(signIn.accessToken(), SignedOut);
});

test("the provider is asked for a code with PKCE, for the scopes, and for the audience where there is one", async () => {
  const tab = new Tab();
  await (await tab.load({ audience: "calls-api" })).signIn();
  assert.equal(tab.sent.length, 1);
  const { state, code_challenge, ...asked } = Object.fromEntries(tab.asked);
  assert.deepEqual(asked, {
    client_id: "page",
    redirect_uri: PAGE_URL,
    response_type: "code",
    scope: "openid calls",
    code_challenge_method: "S256",
    audience: "calls-api",
  });
  assert.ok(state && code_challenge);
  await (await tab.load()).signIn();
  assert.equal(tab.asked.get("audience"), null);
});

test("the answer's code becomes tokens that are stored nowhere, and the address bar is clean", async () => {
  const tab = new Tab();
  const signIn = await tab.signIn();
  const form = requests.find(({ path }) => path === "/token")?.form;
  const challenge = createHash("sha256")
    .update(form?.get("code_verifier") ?? "")
    .digest("base64url");
  assert.equal(signIn.user.value, "ada@example.com");
  assert.match(await signIn.accessToken(), /^access-/);
  assert.deepEqual(
    [form?.get("code"), form?.get("redirect_uri"), challenge],
    ["code-1", PAGE_URL, tab.asked.get("code_challenge")],
  );
  assert.equal(tab.url, PAGE_URL);
  assert.equal(tab.stored.size, 0);
});

test("an answer to nothing that this tab asked is not taken", async () => {
  const tab = new Tab();
  tab.url = `${PAGE_URL}?code=stolen&state=unknown#part`;
  const signIn = await tab.load();
  assert.match(signIn.problem.value ?? "", /did not start in this tab/);
  assert.deepEqual([signIn.user.value, requests, tab.url], [null, [], `${PAGE_URL}#part`]);
});

test("a provider's refusal becomes a sentence of ours, never its own text", async () => {
  const signIn = await new Tab().signIn({ error: "access_denied", error_description: "Call 0123 now" });
  assert.equal(signIn.user.value, null);
  assert.equal(signIn.problem.value, "The sign-in was cancelled, or you are not allowed in.");
  const unknown = await new Tab().signIn({ error: "of_its_own", error_description: "Call 0123 now" });
  assert.match(unknown.problem.value ?? "", /refused the sign-in/);
});

test("a provider that can't be reached leaves the page where it is, with a sentence", async () => {
  const tab = new Tab();
  const signIn = await tab.load({ issuer: "http://127.0.0.1:9" });
  await signIn.signIn();
  assert.match(signIn.problem.value ?? "", /can't be reached/);
  assert.deepEqual(tab.sent, []);
});

for (const [expected, given] of [
  ["ada", { preferred_username: "ada", email: "ada@example.com" }],
  ["ada@example.com", { email: "ada@example.com", "cognito:username": "alice" }],
  ["alice", { "cognito:username": "alice" }],
  ["user-1", {}],
] as const) {
  test(`the person is called ${expected}`, async () => {
    claims = { sub: "user-1", ...given };
    assert.equal((await new Tab().signIn()).user.value, expected);
  });
}

test("a token that an API refused is renewed with the refresh token, which serves again", async () => {
  const signIn = await new Tab().signIn();
  const first = await signIn.accessToken();
  const second = await signIn.accessToken(first);
  const third = await signIn.accessToken(second);
  assert.equal(new Set([first, second, third]).size, 3);
  for (const { form } of requests.slice(-2)) {
    assert.deepEqual([form.get("grant_type"), form.get("refresh_token")], ["refresh_token", "refresh"]);
  }
  assert.equal(signIn.user.value, "ada@example.com");
});

test("a refused renewal signs out, with a sentence", async () => {
  const signIn = await new Tab().signIn();
  tokenError = { status: 400, error: "invalid_grant" };
  await assert.rejects(signIn.accessToken(await signIn.accessToken()), SignedOut);
  assert.equal(signIn.user.value, null);
  assert.match(signIn.problem.value ?? "", /has ended/);
});

test("a provider's fault signs nobody out", async () => {
  const signIn = await new Tab().signIn();
  tokenError = { status: 503, error: "temporarily_unavailable" };
  await assert.rejects(signIn.accessToken(await signIn.accessToken()), { name: "TypeError", message: /is busy/ });
  assert.equal(signIn.user.value, "ada@example.com");
});

test("signing out revokes the refresh token and ends the provider's session", async () => {
  const tab = new Tab();
  const signIn = await tab.signIn();
  await signIn.signOut();
  const revoked = requests.at(-1);
  assert.deepEqual(
    [revoked?.path, revoked?.form.get("token"), revoked?.form.get("client_id")],
    ["/revoke", "refresh", "page"],
  );
  assert.ok(tab.sent.at(-1)?.startsWith(`${issuer}/end?theme=dark&`));
  assert.deepEqual(Object.fromEntries(tab.asked), {
    theme: "dark",
    client_id: "page",
    post_logout_redirect_uri: PAGE_URL,
    id_token_hint: jwt(claims),
  });
  assert.equal(signIn.user.value, null);
  await assert.rejects(signIn.accessToken(), SignedOut);
});

test("signing out of Cognito uses its own names and gives nothing else away", async () => {
  claims = { sub: "user-1", "cognito:username": "alice" };
  const tab = new Tab();
  await (await tab.signIn()).signOut();
  assert.deepEqual(Object.fromEntries(tab.asked), { theme: "dark", client_id: "page", logout_uri: PAGE_URL });
});

test("signing out works where the provider has no endpoint for it", async () => {
  withoutEndpoints = ["revocation_endpoint", "end_session_endpoint"];
  const tab = new Tab();
  const signIn = await tab.signIn();
  await signIn.signOut();
  assert.deepEqual(
    [tab.sent.length, signIn.user.value, requests.some(({ path }) => path === "/revoke")],
    [1, null, false],
  );
});
