// The bot's sound between the network, which brings it unevenly, and the ear.
import { createResampler } from "./resampler.ts";

/** A pause is left only with this much in store, so that a piece that comes late doesn't crackle. */
const HEAD_START_SECONDS = 0.06;
/** What is in store is played after this wait, though it is less than the head start: it is the end of a sentence. */
const LONGEST_WAIT_SECONDS = 0.12;

export interface Playout {
  /** PCM16 mono at `rate` Hz. */
  add(samples: Int16Array, rate: number): void;
  /** Forget what has not been heard: the caller interrupts. */
  drop(): void;
  /** The next samples, silence where there are none. */
  fill(output: Float32Array): void;
}

export function createPlayout(outputRate: number): Playout {
  let store: Float32Array[] = [];
  let stored = 0;
  let offset = 0; // of the first sample in store[0] that has not been played
  let playing = false;
  let waited = 0;
  let inputRate = 0;
  let resample = createResampler(outputRate, outputRate);

  const next = (): number => {
    const piece = store[0];
    if (!piece) {
      return 0;
    }
    const sample = piece[offset++] ?? 0;
    stored--;
    if (offset >= piece.length) {
      store.shift();
      offset = 0;
    }
    return sample;
  };

  return {
    add(samples, rate) {
      if (rate !== inputRate) {
        inputRate = rate;
        resample = createResampler(rate, outputRate);
      }
      const piece = resample(Float32Array.from(samples, (sample) => sample / 0x8000));
      if (piece.length > 0) {
        store.push(piece);
        stored += piece.length;
      }
    },
    drop() {
      store = [];
      stored = offset = 0;
    },
    fill(output) {
      if (!playing && stored > 0) {
        waited += output.length;
        playing = stored >= HEAD_START_SECONDS * outputRate || waited >= LONGEST_WAIT_SECONDS * outputRate;
      }
      for (let index = 0; index < output.length; index++) {
        output[index] = playing ? next() : 0;
      }
      if (stored === 0) {
        playing = false;
        waited = 0;
      }
    },
  };
}
