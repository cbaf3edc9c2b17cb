// The sound between the network and the ear: frames are read, rates changed, pieces played without gaps.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFrame } from "./frames.ts";
import { createPlayout } from "./playout.ts";
import { createResampler } from "./resampler.ts";

function tone(hertz: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: rate * seconds }, (_, index) => Math.sin((2 * Math.PI * hertz * index) / rate));
}

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

function inPieces(samples: Float32Array, size: number, work: (piece: Float32Array) => Float32Array): Float32Array {
  const made: number[] = [];
  for (let at = 0; at < samples.length; at += size) {
    made.push(...work(samples.slice(at, at + size)));
  }
  return Float32Array.from(made);
}

for (const [from, to] of [
  [48_000, 16_000],
  [44_100, 16_000],
  [16_000, 48_000],
] as const) {
  test(`${from} Hz to ${to} Hz keeps a voice as loud and as long as it is`, () => {
    const made = inPieces(tone(1_000, from, 0.5), 128, createResampler(from, to));
    assert.ok(Math.abs(made.length - to * 0.5) < 60, `${made.length} samples`);
    const middle = made.slice(200, -200);
    assert.ok(Math.abs(rms(middle) - Math.SQRT1_2) < 0.02, `loudness ${rms(middle)}`);
    const crossings = middle.filter((sample, index) => sample >= 0 && (middle[index - 1] ?? 0) < 0).length;
    assert.ok(Math.abs(crossings - (1_000 * middle.length) / to) <= 2, `${crossings} periods`);
  });
}

test("what the lower rate can't hold is left out", () => {
  const made = inPieces(tone(11_000, 48_000, 0.3), 128, createResampler(48_000, 16_000));
  assert.ok(rms(made.slice(200, -200)) < 0.02);
});

test("pieces that come unevenly are played without a gap, and in their order", () => {
  const playout = createPlayout(1_000);
  const output = new Float32Array(50);
  playout.add(
    Int16Array.from({ length: 40 }, () => 8_192),
    1_000,
  );
  playout.fill(output);
  assert.ok(
    output.every((sample) => sample === 0),
    "it waits for its head start",
  );
  playout.add(
    Int16Array.from({ length: 40 }, () => 16_384),
    1_000,
  );
  playout.fill(output);
  assert.deepEqual([output[0], output[39], output[40]], [0.25, 0.25, 0.5]);
});

test("the end of a sentence is played, though it is short, and dropped when the caller interrupts", () => {
  const playout = createPlayout(1_000);
  const output = new Float32Array(50);
  playout.add(Int16Array.from([8_192]), 1_000);
  const heard = [0, 1, 2, 3].map(() => {
    playout.fill(output);
    return output[0];
  });
  assert.deepEqual(heard, [0, 0, 0.25, 0]);
  playout.add(
    Int16Array.from({ length: 100 }, () => 8_192),
    1_000,
  );
  playout.drop();
  playout.fill(output);
  assert.ok(output.every((sample) => sample === 0));
  playout.add(
    Int16Array.from({ length: 70 }, () => 16_384),
    1_000,
  );
  playout.fill(output);
  assert.ok(output.every((sample) => sample === 0.5));
  playout.fill(output);
  assert.deepEqual([output[19], output[20]], [0.5, 0]);
  playout.add(Int16Array.from([8_192]), 1_000);
  playout.fill(output);
  assert.equal(output[0], 0, "a new head start");
});

const field = (number: number, bytes: readonly number[]) => [(number << 3) | 2, bytes.length, ...bytes];

test("frames of audio carry their rate, and interruptions are known", () => {
  const audio = readFrame(
    Uint8Array.from(field(2, [...field(2, [65]), ...field(3, [1, 0, 255, 255]), 0x20, 0x80, 0x7d])),
  );
  assert.deepEqual(audio, { kind: "audio", samples: Int16Array.from([1, -1]), rate: 16_000 });
  assert.deepEqual(readFrame(Uint8Array.from(field(5, []))), { kind: "interruption" });
  assert.deepEqual(readFrame(Uint8Array.from(field(4, field(1, [0x7b, 0x7d])))), { kind: "message", text: "{}" });
  assert.deepEqual(readFrame(Uint8Array.from(field(3, []))), { kind: "other" });
  assert.throws(() => readFrame(Uint8Array.from([0x12, 9, 1])), RangeError);
});
