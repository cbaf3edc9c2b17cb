// Tells a voice from noise by loudness alone, so that both ends of a turn can be timed without a model.

/** Whatever the noise, a sound below these is silence (-46 and -50 dB). */
const QUIETEST_ON = 0.005;
const QUIETEST_OFF = 0.003;
/** How far above the noise a voice begins (8 dB) and ends (5 dB): two thresholds, so that it doesn't flutter. */
const ON_ABOVE_NOISE = 2.5;
const OFF_ABOVE_NOISE = 1.8;
/** The noise is the quietest of the last four seconds: people breathe more often than that, and fans don't. */
const SPAN_MILLISECONDS = 500;
const SPANS = 8;
/** A sample stands for the time since the one before, but a sampler that was held up proves no longer sound. */
const LONGEST_SAMPLE_MILLISECONDS = 40;

export interface Voice {
  readonly startedAt: number;
  /** Its last loud sample yet. */
  readonly loudAt: number;
}

/** Keeps the level of the noise up to date with `add`. */
function createNoise(): { add(rms: number, at: number): void; level(): number } {
  let spans: { readonly from: number; quietest: number }[] = [];
  return {
    add(rms, at) {
      const newest = spans.at(-1);
      if (newest && at - newest.from < SPAN_MILLISECONDS) newest.quietest = Math.min(newest.quietest, rms);
      else spans = [...spans.slice(1 - SPANS), { from: at, quietest: rms }];
    },
    level: () => Math.min(...spans.map((span) => span.quietest)),
  };
}

/**
 * Hears one side. `hear` takes the loudness (root mean square, 0 to 1) of the sound up to `at` (milliseconds) and
 * returns the voice that goes on, or null: there is none, or it is still too short to be more than a click. A voice
 * goes on over pauses of less than `pause` and is one from `minimum` milliseconds of loud sound. What is `masked` tells
 * about the noise, but is nobody's voice.
 */
export function createVoice({ minimum, pause }: { readonly minimum: number; readonly pause: number }): {
  hear(rms: number, at: number, masked?: boolean): Voice | null;
  loud(): boolean;
} {
  const noise = createNoise();
  let run: { startedAt: number; loudAt: number; loudFor: number } | null = null;
  let before: number | null = null;
  let loud = false;
  return {
    hear(rms, at, masked = false) {
      noise.add(rms, at);
      const sample = Math.min(at - (before ?? at), LONGEST_SAMPLE_MILLISECONDS);
      before = at;
      if (run && at - run.loudAt > pause) run = null;
      loud = !masked && rms >= threshold(run !== null, noise.level());
      if (loud) {
        run ??= { startedAt: at, loudAt: at, loudFor: 0 };
        run.loudAt = at;
        run.loudFor += sample;
      }
      return run && run.loudFor >= minimum ? { startedAt: run.startedAt, loudAt: run.loudAt } : null;
    },
    loud: () => loud,
  };
}

function threshold(sounding: boolean, noise: number): number {
  return sounding ? Math.max(QUIETEST_OFF, noise * OFF_ABOVE_NOISE) : Math.max(QUIETEST_ON, noise * ON_ABOVE_NOISE);
}
