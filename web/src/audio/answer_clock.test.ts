// Checks the clock of the answers against made-up calls whose truth is known.
import assert from "node:assert/strict";
import test from "node:test";
import { createAnswerClock } from "./answer_clock.ts";

const STEP = 20;
/** Truth is known to a sample, and both ends of an answer lie somewhere in theirs. */
const TOLERANCE = 2 * STEP;

type Span = readonly [from: number, until: number];

interface Scene {
  readonly until: number;
  readonly caller: readonly Span[];
  readonly bot: readonly Span[];
  /** Level of the caller's voice. */
  readonly voice?: number;
  /** Level of the noise in the caller's microphone. */
  readonly noise?: number;
  /** How much of the bot's voice the microphone hears, and how many milliseconds later. */
  readonly echo?: number;
  readonly echoDelay?: number;
  /** Clicks in the microphone: moments of 20 ms. */
  readonly clicks?: readonly number[];
  readonly seed?: number;
}

/** Numbers from 0 to 1 that are the same in each run. https://en.wikipedia.org/wiki/Linear_congruential_generator */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function within(spans: readonly Span[], at: number): boolean {
  return spans.some(([from, until]) => at > from && at <= until);
}

/** What the clock says of a scene. Voices swell and fade as syllables do, five a second, and are never wholly gone. */
function play(scene: Scene): readonly number[] {
  const { until, caller, bot, voice = 0.1, noise = 0.0005, echo = 0, echoDelay = 80, clicks = [], seed = 1 } = scene;
  const random = randomNumbers(seed);
  const answers: number[] = [];
  const clock = createAnswerClock((milliseconds) => answers.push(milliseconds));
  const syllables = (at: number) => 0.4 + 0.6 * Math.abs(Math.sin((Math.PI * at) / 200));
  const botLevel = (at: number) => (within(bot, at) ? 0.12 * syllables(at) : 0);
  for (let at = STEP; at <= until; at += STEP) {
    const sounds = [
      within(caller, at) ? voice * syllables(at) : 0,
      noise * (0.85 + 0.3 * random()),
      echo * botLevel(at - echoDelay),
      clicks.includes(at) ? 0.3 : 0,
    ];
    clock.caller(Math.hypot(...sounds), at);
    clock.bot(botLevel(at), at);
  }
  return answers;
}

function assertAnswers(heard: readonly number[], truth: readonly number[], scene = ""): void {
  const near = heard.length === truth.length && truth.every((one, i) => Math.abs((heard[i] ?? 0) - one) <= TOLERANCE);
  assert.ok(near, `${scene} heard ${JSON.stringify(heard)}, the truth is ${JSON.stringify(truth)}`);
}

const TURN: Scene = { until: 6000, caller: [[1000, 2500]], bot: [[3200, 5000]] };

test("an answer is timed from the last loud sample to the first of the bot", () => {
  assertAnswers(play(TURN), [700]);
});

test("each turn has its own answer, whatever the delays, the noise and the level of the voice", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = randomNumbers(seed);
    const noise = 0.0002 + 0.01 * random();
    const voice = noise * (6 + 10 * random()) + 0.02;
    const caller: Span[] = [];
    const bot: Span[] = [];
    const truth: number[] = [];
    let at = 1000;
    for (let turn = 0; turn < 5; turn += 1) {
      const end = at + 400 + STEP * Math.floor(100 * random());
      const delay = 300 + STEP * Math.floor(100 * random());
      caller.push([at, end]);
      bot.push([end + delay, end + delay + 1200]);
      truth.push(delay);
      at = end + delay + 1200 + 800;
    }
    assertAnswers(play({ until: at, caller, bot, noise, voice, seed }), truth, `seed ${seed}:`);
  }
});

test("a greeting is no answer, and neither is what the bot goes on to say", () => {
  assert.deepEqual(
    play({
      until: 6000,
      caller: [],
      bot: [
        [500, 2000],
        [2600, 4000],
      ],
    }),
    [],
  );
  assertAnswers(
    play({
      ...TURN,
      bot: [
        [3200, 4000],
        [4600, 5600],
      ],
    }),
    [700],
  );
});

test("a caller who goes on after a pause moves the end", () => {
  assertAnswers(
    play({
      ...TURN,
      caller: [
        [500, 1200],
        [1900, 2500],
      ],
    }),
    [700],
  );
});

test("clicks and keys are no voice: neither alone nor after the end of speech", () => {
  const clicks = [2700, 2800, 2980];
  assertAnswers(play({ ...TURN, clicks }), [700]);
  assert.deepEqual(play({ ...TURN, caller: [], clicks: [1000, 1180, 1400, ...clicks] }), []);
});

test("noise is no voice, and hides no voice above it", () => {
  assert.deepEqual(play({ ...TURN, caller: [], noise: 0.03 }), []);
  assertAnswers(play({ ...TURN, noise: 0.03, voice: 0.25 }), [700]);
});

test("a murmur little above the noise is no voice", () => {
  const answers: number[] = [];
  const clock = createAnswerClock((milliseconds) => answers.push(milliseconds));
  for (let at = STEP; at <= 6000; at += STEP) {
    clock.caller(within([[1000, 2500]], at) ? 0.042 : 0.02, at);
    clock.bot(within([[3200, 5000]], at) ? 0.1 : 0, at);
  }
  assert.deepEqual(answers, []);
});

test("a voice that fades is a voice until it is gone, though none would begin so softly", () => {
  const answers: number[] = [];
  const clock = createAnswerClock((milliseconds) => answers.push(milliseconds));
  for (let at = STEP; at <= 6000; at += STEP) {
    const fading = within([[2000, 2500]], at) ? 0.004 : 0.0005;
    clock.caller(within([[1000, 2000]], at) ? 0.1 : fading, at);
    clock.bot(within([[3200, 5000]], at) ? 0.1 : 0, at);
  }
  assertAnswers(answers, [700]);
});

test("a fan that starts in the call is a voice for some seconds at most", () => {
  const answers: number[] = [];
  const clock = createAnswerClock((milliseconds) => answers.push(milliseconds));
  for (let at = STEP; at <= 20_000; at += STEP) {
    const fan = at > 1000 ? 0.02 : 0.0005;
    clock.caller(at > 14_000 && at <= 15_000 ? 0.15 : fan, at);
    clock.bot(at > 15_600 && at <= 17_000 ? 0.1 : 0, at);
  }
  assertAnswers(answers, [600]);
});

test("who talks over the bot is answered after the next end of speech", () => {
  const scene: Scene = {
    until: 7000,
    caller: [
      [500, 1000],
      [2500, 4000],
    ],
    bot: [
      [1700, 2900],
      [4700, 6000],
    ],
  };
  assertAnswers(play(scene), [700, 700]);
});

test("a word thrown in while the bot speaks on is no question", () => {
  assertAnswers(
    play({
      ...TURN,
      caller: [
        [1000, 2500],
        [3800, 4200],
      ],
      bot: [
        [3200, 4600],
        [5100, 5900],
      ],
    }),
    [700],
  );
});

test("the bot's echo in the microphone is not the caller", () => {
  const bot: readonly Span[] = [
    [500, 2000],
    [2500, 3500],
    [4900, 6500],
    [7100, 8000],
  ];
  for (const echo of [0.05, 0.3, 0.9]) {
    for (const echoDelay of [20, 80, 180]) {
      const scene: Scene = { until: 9000, caller: [[3900, 4300]], bot, echo, echoDelay };
      assertAnswers(play(scene), [600], `echo of ${echo} after ${echoDelay} ms:`);
    }
  }
});

test("a bot that cuts in has not answered", () => {
  assert.deepEqual(play({ ...TURN, caller: [[1000, 3400]] }), []);
});

test("what comes after ten seconds is no answer", () => {
  assert.deepEqual(play({ until: 16_000, caller: [[500, 1500]], bot: [[12_000, 13_000]] }), []);
});

test("a microphone that was muted for a while is heard by the noise from before", () => {
  const answers: number[] = [];
  const clock = createAnswerClock((milliseconds) => answers.push(milliseconds));
  for (let at = STEP; at <= 8000; at += STEP) {
    const muted = at > 500 && at <= 3000;
    if (!muted) clock.caller(0.02 + (at > 4000 && at <= 5000 ? 0.2 : 0), at);
    clock.bot(at > 5500 && at <= 6500 ? 0.1 : 0, at);
  }
  assertAnswers(answers, [500]);
});

test("digital silence is silence, and a voice out of it a voice", () => {
  assertAnswers(play({ ...TURN, noise: 0 }), [700]);
});

test("the bot's echo in a noisy room leaves the room as noisy as it is", () => {
  const scene: Scene = {
    until: 8000,
    caller: [[4500, 5500]],
    bot: [
      [1000, 4000],
      [6100, 7000],
    ],
    noise: 0.02,
    voice: 0.2,
  };
  assertAnswers(play({ ...scene, echo: 0.3 }), [600]);
});

test("samples that come late and together are told by their moments", () => {
  const answers: number[] = [];
  const clock = createAnswerClock((milliseconds) => answers.push(milliseconds));
  const level = ([from, until]: Span, at: number) => (within([[from, until]], at) ? 0.1 : 0.0005);
  for (let now = 500; now <= 6000; now += 500) {
    for (let at = now - 500 + STEP; at <= now; at += STEP) clock.caller(level([1000, 2500], at), at);
    for (let at = now - 500 + STEP; at <= now; at += STEP) clock.bot(level([3200, 5000], at), at);
  }
  assertAnswers(answers, [700]);
});
