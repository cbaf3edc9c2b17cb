// The connect API as a caller without a browser sees it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CallFailure } from "../call/failures.ts";
import { type ConnectApi, createConnectApi } from "./connect_api.ts";

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly token: string | null;
  readonly body: unknown;
  readonly keepalive: boolean;
}

function apiThat(
  answers: readonly (Response | Error)[],
  accessToken: (rejected?: string) => Promise<string | null> = async () => "first",
): { api: ConnectApi; sent: Sent[] } {
  const sent: Sent[] = [];
  const waiting = [...answers];
  const fetch = async (url: unknown, init?: RequestInit) => {
    const headers = new Headers(init?.headers);
    sent.push({
      method: init?.method ?? "GET",
      url: String(url),
      token: headers.get("authorization"),
      body: init?.body === undefined ? undefined : JSON.parse(String(init.body)),
      keepalive: init?.keepalive ?? false,
    });
    const answer = waiting.shift();
    assert.ok(answer, "one request too many");
    if (answer instanceof Error) {
      throw answer;
    }
    return answer;
  };
  return { sent, api: createConnectApi({ apiUrl: "https://api.example", accessToken, fetch }) };
}

function started(fields: object): Response {
  return Response.json(fields, { headers: { "switchboard-session-id": "s1" } });
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CallFailure);
  return error.failure.kind;
}

test("a WebSocket session is started with the caller's token, and ended", async () => {
  const { api, sent } = apiThat([started({ wsUrl: "wss://a/ws" }), new Response(null, { status: 204 })]);
  assert.deepEqual(await api.startSocket({ remember: true }), { sessionId: "s1", wsUrl: "wss://a/ws" });
  await api.endSession("s1");
  assert.deepEqual(sent[0], {
    method: "POST",
    url: "https://api.example/start",
    token: "Bearer first",
    body: { transport: "websocket", body: { remember: true } },
    keepalive: false,
  });
  assert.equal(`${sent[1]?.method} ${sent[1]?.url}`, "DELETE https://api.example/sessions/s1");
});

test("a WebRTC session's offers go to the path that the last answer gave", async () => {
  const ice = { iceConfig: { iceServers: [{ urls: ["turn:t"] }] } };
  const { api, sent } = apiThat([
    started({ sessionId: "s1.old", ...ice }),
    Response.json({ sessionId: "s1.new", ...ice }),
  ]);
  const way = await api.startPeer({});
  assert.equal(way.offerUrl, "https://api.example/sessions/s1.old/api/offer");
  const again = await api.resumePeer(way);
  assert.equal(sent[1]?.url, "https://api.example/sessions/s1.old/api/ice-servers");
  assert.deepEqual(again, { ...way, offerUrl: "https://api.example/sessions/s1.new/api/offer" });
});

test("a Daily session is a room and a token, and so is an invitation into it", async () => {
  const room = { dailyRoom: "https://d.daily.co/r", dailyToken: "caller", sessionId: "s1" };
  const { api, sent } = apiThat([started(room), Response.json({ ...room, dailyToken: "guest" }, { status: 201 })]);
  assert.deepEqual(await api.startDaily({}), room);
  assert.deepEqual(await api.invite("s1"), { ...room, dailyToken: "guest" });
  assert.deepEqual(sent[0]?.body, { transport: "daily", body: {} });
  assert.equal(`${sent[1]?.method} ${sent[1]?.url}`, "POST https://api.example/sessions/s1/participants");
});

test("a token that is rejected is renewed once, and the request goes on", async () => {
  const rejections: (string | undefined)[] = [];
  const renewing = async (rejected?: string) => {
    rejections.push(rejected);
    return rejected ? "second" : "first";
  };
  const unauthorized = () => Response.json({ message: "Unauthorized" }, { status: 401 });
  const { api, sent } = apiThat([unauthorized(), Response.json({ wsUrl: "w" })], renewing);
  assert.equal((await api.resumeSocket("s1")).wsUrl, "w");
  assert.deepEqual(rejections, [undefined, "first"]);
  assert.deepEqual(
    sent.map(({ token }) => token),
    ["Bearer first", "Bearer second"],
  );
  assert.equal(await kindOf(apiThat([unauthorized(), unauthorized()], renewing).api.resumeSocket("s1")), "signed-out");
});

test("an open API gets no token, and is not asked twice", async () => {
  const { api, sent } = apiThat([new Response(null, { status: 401 })], async () => null);
  assert.equal(await kindOf(api.startPeer({})), "signed-out");
  assert.equal(sent[0]?.token, null);
});

test("a 401 that a browser may not read renews the token as well, once until there is an answer", async () => {
  let number = 1;
  const renewing = async (rejected?: string) => `token ${rejected ? ++number : number}`;
  const lost = () => new TypeError("Failed to fetch");
  const answer = () => Response.json({ wsUrl: "w" });
  const { api, sent } = apiThat([lost(), answer(), lost(), lost(), lost(), answer()], renewing);
  await api.resumeSocket("s1");
  assert.equal(await kindOf(api.resumeSocket("s1")), "unreachable");
  assert.equal(await kindOf(api.resumeSocket("s1")), "unreachable");
  await api.resumeSocket("s1");
  const tokens = sent.map(({ token }) => Number(token?.split(" ")[2]));
  assert.deepEqual(tokens, [1, 2, 2, 3, 3, 3]);
});

test("offline is no refusal, and a sign-in that is over is no network", async () => {
  assert.equal(
    await kindOf(apiThat([new TypeError("Failed to fetch")], async () => null).api.startSocket({})),
    "unreachable",
  );
  const over = async () => Promise.reject(new Error("signed out"));
  assert.equal(await kindOf(apiThat([], over).api.startSocket({})), "signed-out");
});

test("a page that is left ends its session with the token at hand, at once", async () => {
  const { api, sent } = apiThat([new Response(null, { status: 204 })]);
  await api.keepToken();
  api.abandonSession("s1");
  assert.deepEqual(sent, [
    {
      method: "DELETE",
      url: "https://api.example/sessions/s1",
      token: "Bearer first",
      body: undefined,
      keepalive: true,
    },
  ]);
});

test("the self-test's session is ended as soon as its ICE servers are known", async () => {
  const { api, sent } = apiThat([
    started({ sessionId: "s1.t", iceConfig: { iceServers: [{ urls: ["turn:t"] }] } }),
    new Response(null, { status: 204 }),
  ]);
  assert.deepEqual(await api.iceServers(), [{ urls: ["turn:t"] }]);
  assert.equal(sent[1]?.method, "DELETE");
});
