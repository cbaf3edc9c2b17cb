// Checks the meter with a made-up audio context; that browsers fill one is tried in a browser.
import assert from "node:assert/strict";
import test from "node:test";
import { blocksOf, meterTrack } from "./meter.ts";

test("a block has the root mean square of its samples, and says how many came after it", () => {
  const samples = Float32Array.from([0.5, -0.5, 0.5, -0.5, 0, 0, 0, 0, 1]);
  assert.deepEqual(blocksOf(samples, 4), [
    { rms: 0.5, samplesAfter: 5 },
    { rms: 0, samplesAfter: 1 },
  ]);
});

test("what is shorter than a block waits for the rest of it", () => {
  assert.deepEqual(blocksOf(new Float32Array(3), 4), []);
});

test("a timer that was held up loses nothing, and each block has its own moment", (context) => {
  const sampleRate = 48_000;
  let now = 0;
  let disconnected = false;
  const analyser = {
    fftSize: 0,
    // Sound of 0.5 until 300 ms, then silence.
    getFloatTimeDomainData(view: Float32Array) {
      const first = Math.round(now * sampleRate) - view.length;
      for (let i = 0; i < view.length; i += 1) view[i] = first + i >= 0 && first + i < 0.3 * sampleRate ? 0.5 : 0;
    },
  };
  const source = { connect: () => analyser, disconnect: () => (disconnected = true) };
  const audio = {
    sampleRate,
    get currentTime() {
      return now;
    },
    createMediaStreamSource: () => source,
    createAnalyser: () => analyser,
  };
  Object.assign(globalThis, { MediaStream: class {} });
  context.mock.timers.enable({ apis: ["setInterval"] });

  const heard: { rms: number; at: number }[] = [];
  const stop = meterTrack({} as MediaStreamTrack, audio as unknown as AudioContext, (rms, at) => {
    heard.push({ rms, at: Math.round(at) });
  });
  for (const moment of [0.025, 0.05, 0.55, 0.56, 0.58]) {
    now = moment;
    context.mock.timers.tick(20);
  }
  stop();
  now = 1;
  context.mock.timers.tick(100);

  const expected = Array.from({ length: 29 }, (_, i) => ({ rms: i < 15 ? 0.5 : 0, at: 20 * (i + 1) }));
  assert.deepEqual(heard, expected);
  assert.ok(disconnected);
});
