// Checks that loudness follows the ear: decibels, within 0 and 1.
import assert from "node:assert/strict";
import test from "node:test";
import { loudness } from "./loudness.ts";

test("silence shows nothing, and nothing shows more than full", () => {
  assert.equal(loudness(0), 0);
  assert.equal(loudness(0.0001), 0);
  assert.equal(loudness(1), 1);
});

test("each doubling of the sound moves the meter by the same step", () => {
  const steps = [0.01, 0.02, 0.04, 0.08].map((rms) => loudness(2 * rms) - loudness(rms));
  for (const step of steps) assert.ok(Math.abs(step - 6.02 / 45) < 0.001, `a step of ${step}`);
});
