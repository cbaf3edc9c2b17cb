// Sound at another sample rate: the agent speaks and hears at its own, the page's audio at that of the caller's device.

/** How many samples each side of a point count. */
const REACH = 16;

/**
 * A low-pass filter and interpolation in one (a windowed sinc): what the lower of the two rates can't hold is left out.
 * Feed it pieces of one stream in their order; it keeps what the next piece needs. Rates are in Hz.
 */
export function createResampler(from: number, to: number): (samples: Float32Array) => Float32Array {
  if (from === to) {
    return (samples) => samples;
  }
  const cutoff = Math.min(1, to / from) * 0.95;
  const step = from / to;
  const reach = Math.ceil(REACH / Math.min(1, to / from));
  let kept = new Float32Array(reach);
  let position = reach; // of the next sample to make, counted in `kept` and what follows it
  return (samples) => {
    const input = joined(kept, samples);
    const made: number[] = [];
    while (position + reach < input.length) {
      made.push(valueAt(input, { position, reach, cutoff }));
      position += step;
    }
    const used = Math.max(0, Math.min(input.length, Math.floor(position) - reach));
    kept = input.slice(used);
    position -= used;
    return Float32Array.from(made);
  };
}

function valueAt(input: Float32Array, at: { position: number; reach: number; cutoff: number }): number {
  const first = Math.max(0, Math.ceil(at.position - at.reach));
  const last = Math.min(input.length - 1, Math.floor(at.position + at.reach));
  let sum = 0;
  for (let index = first; index <= last; index++) {
    const distance = index - at.position;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / at.reach);
    sum += (input[index] ?? 0) * at.cutoff * sinc(at.cutoff * distance) * window;
  }
  return sum;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function joined(first: Float32Array, second: Float32Array): Float32Array<ArrayBuffer> {
  const whole = new Float32Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
