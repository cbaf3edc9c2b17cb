import assert from "node:assert/strict";
import { test } from "node:test";
import type { TranscriptLine } from "../model.ts";
import { newFinalLines, showsEnd, spokenState } from "./attention.ts";

const line = (id: number, text: string, interim: boolean): TranscriptLine => ({ id, speaker: "bot", text, interim });

test("a line is told once, when it is final", () => {
  const told = new Set<number>();
  assert.deepEqual(newFinalLines([line(1, "Hello", false), line(2, "How", true)], told), ["Bot: Hello"]);
  assert.deepEqual(newFinalLines([line(1, "Hello", false), line(2, "How are you?", false)], told), [
    "Bot: How are you?",
  ]);
  assert.deepEqual(newFinalLines([line(1, "Hello", false), line(2, "How are you?", false)], told), []);
});

test("a guest is told by name", () => {
  const said = { id: 1, speaker: "guest", name: "Grace", text: "Hello", interim: false } as const;
  assert.deepEqual(newFinalLines([said], new Set()), ["Grace: Hello"]);
});

test("turns are told in a word, a failure by its alert alone", () => {
  assert.equal(spokenState({ name: "listening" }, false), "Listening");
  assert.match(spokenState({ name: "reconnecting" }, false) ?? "", /^Reconnecting\. ./);
  const failure = { kind: "busy", sentence: "s", advice: "a" } as const;
  assert.equal(spokenState({ name: "failed", failure }, false), null);
});

test("the end is in view within a line, not a page above it", () => {
  assert.equal(showsEnd({ scrollTop: 690, clientHeight: 300, scrollHeight: 1000 }), true);
  assert.equal(showsEnd({ scrollTop: 400, clientHeight: 300, scrollHeight: 1000 }), false);
});
