import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallState, FailureKind } from "../model.ts";
import { ACTION_NAMES, actionOf, isLive, isUnderWay, wordsOf } from "./call_words.ts";

const failed = (kind: FailureKind): CallState => ({ name: "failed", failure: { kind, sentence: "s", advice: "a" } });

test("the button calls, hangs up, and calls again", () => {
  const names = (["idle", "asking", "connecting", "listening", "speaking", "reconnecting"] as const).map(
    (name) => ACTION_NAMES[actionOf({ name }, false)],
  );
  assert.deepEqual(names, ["Call", "Hang up", "Hang up", "Hang up", "Hang up", "Hang up"]);
  assert.equal(actionOf({ name: "ended", sentence: "" }, false), "call");
  assert.equal(actionOf(failed("busy"), false), "call-again");
});

test("who is signed out can sign in, but can still hang up", () => {
  assert.equal(actionOf(failed("signed-out"), true), "sign-in");
  assert.equal(actionOf({ name: "speaking" }, true), "hang-up");
});

test("muted shows in words", () => {
  assert.equal(wordsOf({ name: "listening" }, false).headline, "Listening");
  assert.equal(wordsOf({ name: "listening" }, true).headline, "You are muted");
  assert.match(wordsOf({ name: "speaking" }, true).detail, /muted/);
});

test("the end says why, and a failure has a headline of its own", () => {
  assert.equal(wordsOf({ name: "ended", sentence: "You hung up." }, false).detail, "You hung up.");
  assert.notEqual(wordsOf(failed("busy"), false).headline, wordsOf(failed("dropped"), false).headline);
});

test("a call that is being set up can be hung up, but is not a conversation yet", () => {
  assert.deepEqual([isLive({ name: "connecting" }), isUnderWay({ name: "connecting" })], [false, true]);
  assert.deepEqual([isLive({ name: "reconnecting" }), isUnderWay({ name: "idle" })], [true, false]);
});
