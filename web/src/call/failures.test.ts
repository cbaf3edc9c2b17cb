// Every error that the API can answer with has words of its own.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { failure, failureOfAnswer, failureOfMicrophone } from "./failures.ts";

const SOURCES = ["connect", "shared"].map((room) => new URL(`../../../lambda/${room}/`, import.meta.url));

/** The codes in the sources of the connect function, and of what it shares: `code="…"`, the agent's table, and tuples of a status and a code. */
function codesOfTheApi(): { readonly code: string; readonly status: number }[] {
  const sources = SOURCES.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".py"))
      .map((name) => readFileSync(new URL(name, folder), "utf8")),
  ).join("\n");
  const found = [
    ...sources.matchAll(/status=(?<status>\d{3}),\s+code="(?<code>\w+)"/g),
    ...sources.matchAll(/"(?<code>\w+)": \((?<status>\d{3}), "/g),
    ...sources.matchAll(/= (?<status>\d{3}), "(?<code>\w+)", "/g),
  ];
  return found.map(({ groups }) => ({ code: groups?.code ?? "", status: Number(groups?.status) }));
}

/** What a code becomes that nobody knows, by its status alone. */
function unknown(status: number): string {
  return failureOfAnswer(status, { error: { code: "never_heard_of" } }).kind;
}

test("every code of the API is known by itself", () => {
  const codes = codesOfTheApi();
  const names = new Set(codes.map(({ code }) => code));
  assert.ok(names.size >= 28, `only ${names.size} codes were found in the sources: ${[...names]}`);
  const table = readFileSync(new URL("./failures.ts", import.meta.url), "utf8");
  const missing = [...names].filter((code) => !table.includes(`  ${code}: "`));
  assert.deepEqual(missing, []);
});

test("what the caller should know apart is told apart", () => {
  const kind = (status: number, code: string) => failureOfAnswer(status, { error: { code, requestId: "r-1" } }).kind;
  assert.equal(kind(424, "no_relay"), "no-relay");
  assert.equal(kind(503, "turn_unavailable"), "no-relay");
  assert.equal(kind(409, "session_busy"), "busy");
  assert.equal(kind(503, "daily_busy"), "busy");
  assert.equal(kind(503, "daily_refused_key"), "daily-setup");
  assert.equal(kind(503, "daily_unreachable"), "daily-failed");
  assert.equal(kind(502, "daily_failed"), "daily-failed");
  assert.equal(kind(410, "session_over"), "room-gone");
  assert.equal(kind(503, "agentcore_busy"), "busy");
  assert.equal(kind(502, "agent_failed"), "bot-failed");
  assert.equal(kind(404, "unknown_connection"), "dropped");
  assert.equal(kind(403, "not_your_session"), "refused");
  assert.equal(kind(500, "wrong_setup"), "refused");
  assert.equal(kind(401, "missing_claim"), "signed-out");
});

test("API Gateway's own answers have no code", () => {
  assert.equal(failureOfAnswer(401, { message: "Unauthorized" }).kind, "signed-out");
  assert.equal(failureOfAnswer(403, { message: "Forbidden" }).kind, "refused");
  assert.equal(failureOfAnswer(429, { message: "Too Many Requests" }).kind, "busy");
  assert.equal(failureOfAnswer(503, null).kind, "busy");
  assert.equal(unknown(404), "refused");
});

test("the request id goes along, for the operator", () => {
  assert.equal(failureOfAnswer(500, { error: { code: "internal_error", requestId: "r-7" } }).requestId, "r-7");
  assert.equal("requestId" in failure("busy"), false);
});

test("a microphone is denied, missing, in use, or unheard of", () => {
  const named = (name: string) => failureOfMicrophone(Object.assign(new Error("no"), { name })).kind;
  assert.equal(named("NotAllowedError"), "microphone-denied");
  assert.equal(named("NotFoundError"), "microphone-missing");
  assert.equal(named("NotReadableError"), "microphone-missing");
  assert.equal(named("TypeError"), "unsupported");
});
