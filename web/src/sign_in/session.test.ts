import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { createSession, type Session, SignedOut, type Tokens } from "./session.ts";

class Refused extends Error {}

const FIRST: Tokens = { access: "first", refresh: "refresh", lifetime: 3600 };
let ended = 0;
let renewals = 0;
let session: Session<Tokens>;

/** Every renewal takes what comes next of these: an error to throw, or tokens. The last comes again and again. */
function start(first: Tokens, ...outcomes: readonly (Error | Tokens)[]): void {
  session = createSession(first, {
    renew: async () => {
      const outcome = outcomes[Math.min(renewals++, outcomes.length - 1)];
      if (outcome === undefined || outcome instanceof Error) {
        throw outcome;
      }
      return outcome;
    },
    isRefusal: (error) => error instanceof Refused,
    onEnd: () => {
      ended++;
    },
    pauses: [500, 2000],
  });
}

/** Lets everything run that waits for no timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) {
    await Promise.resolve();
  }
}

async function pass(seconds: number): Promise<void> {
  mock.timers.tick(seconds * 1000);
  await settle();
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  ended = 0;
  renewals = 0;
});

afterEach(() => {
  session.end();
  mock.timers.reset();
});

test("a token with more than a minute of life is given as it is", async () => {
  start(FIRST, { ...FIRST, access: "second" });
  assert.equal(await session.accessToken(), "first");
  assert.equal(renewals, 0);
});

test("tokens are renewed ahead of their end, again and again, without being asked for", async () => {
  start(FIRST, { ...FIRST, access: "second" }, { ...FIRST, access: "third" });
  await pass(3479);
  assert.equal(renewals, 0);
  await pass(2);
  assert.equal(session.tokens.access, "second");
  await pass(3481);
  assert.equal(session.tokens.access, "third");
  assert.equal(renewals, 2);
});

test("a token of short life is renewed at half of it", async () => {
  start({ ...FIRST, lifetime: 20 }, { ...FIRST, lifetime: 20, access: "second" });
  await pass(9);
  assert.equal(await session.accessToken(), "first");
  await pass(2);
  assert.equal(session.tokens.access, "second");
});

test("callers share one renewal", async () => {
  start({ ...FIRST, lifetime: 0 }, { ...FIRST, access: "second" });
  const tokens = await Promise.all([session.accessToken(), session.accessToken(), session.accessToken("first")]);
  assert.deepEqual(tokens, ["second", "second", "second"]);
  assert.equal(renewals, 1);
});

test("a token that an API refused is renewed, but not twice for two that were refused together", async () => {
  start(FIRST, { ...FIRST, access: "second" });
  assert.equal(await session.accessToken("first"), "second");
  assert.equal(await session.accessToken("first"), "second");
  assert.equal(renewals, 1);
});

test("a refused renewal ends the sign-in, once, without further attempts", async () => {
  start({ ...FIRST, lifetime: 0 }, new Refused());
  await assert.rejects(session.accessToken(), SignedOut);
  await assert.rejects(session.accessToken(), SignedOut);
  assert.deepEqual([renewals, ended], [1, 1]);
});

test("a renewal ahead of the end that is refused ends the sign-in too", async () => {
  start(FIRST, new Refused());
  await pass(3481);
  assert.equal(ended, 1);
  await assert.rejects(session.accessToken(), SignedOut);
});

test("a provider that can't be reached is asked again", async () => {
  start({ ...FIRST, lifetime: 0 }, new TypeError(), new TypeError(), { ...FIRST, access: "second" });
  const token = session.accessToken();
  await settle();
  assert.equal(renewals, 1);
  await pass(0.5);
  assert.equal(renewals, 2);
  await pass(2);
  assert.equal(await token, "second");
  assert.equal(ended, 0);
});

test("a provider that stays away fails the caller, but doesn't end the sign-in", async () => {
  start({ ...FIRST, lifetime: 0 }, new TypeError(), new TypeError(), new TypeError(), { ...FIRST, access: "second" });
  const token = assert.rejects(session.accessToken(), TypeError);
  await settle();
  await pass(0.5);
  await pass(2);
  await token;
  assert.equal(ended, 0);
  assert.equal(await session.accessToken(), "second");
});

test("while the provider is away, a token is given to its end", async () => {
  start(FIRST, new TypeError());
  await pass(3550);
  await pass(3); // the attempts of the renewal ahead of the end are over
  const token = session.accessToken();
  await settle();
  await pass(0.5);
  await pass(2);
  assert.equal(await token, "first");
});

test("without a refresh token the sign-in ends with the access token", async () => {
  start({ ...FIRST, refresh: null });
  await pass(3599);
  assert.equal(await session.accessToken(), "first");
  await pass(2);
  await assert.rejects(session.accessToken(), SignedOut);
  assert.deepEqual([renewals, ended], [0, 1]);
});

test("a token whose life the provider keeps to itself is good until an API refuses it", async () => {
  start({ ...FIRST, lifetime: null }, { ...FIRST, access: "second" });
  await pass(100_000);
  assert.equal(await session.accessToken(), "first");
  assert.equal(await session.accessToken("first"), "second");
});

test("tokens that arrive after the end are dropped", async () => {
  start({ ...FIRST, lifetime: 0 }, { ...FIRST, access: "second" });
  const token = assert.rejects(session.accessToken(), SignedOut);
  session.end();
  await token;
  await pass(100_000);
  assert.deepEqual([session.tokens.access, renewals, ended], ["first", 1, 0]);
});
