// How loud a sound looks: decibels, because the ear hears ratios.

/** Below this a meter shows nothing; quiet rooms are there. */
const SILENCE_DECIBELS = -55;
/** A voice close to the microphone. */
const FULL_DECIBELS = -10;

/** Turns a root mean square of samples (0 to 1) into loudness for the eye, 0 to 1. */
export function loudness(rms: number): number {
  const decibels = 20 * Math.log10(Math.max(rms, 1e-9));
  return Math.min(1, Math.max(0, (decibels - SILENCE_DECIBELS) / (FULL_DECIBELS - SILENCE_DECIBELS)));
}
