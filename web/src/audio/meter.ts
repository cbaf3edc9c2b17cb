// How loud a track is, now and without gaps: for the meters, and for the clock of the answers.

const BLOCK_SECONDS = 0.02;
/** An analyser looks back over this many samples at most. https://www.w3.org/TR/webaudio/#dom-analysernode-fftsize */
const LONGEST_VIEW = 32_768;
const SHORTEST_VIEW = 2_048;

/**
 * Calls `hear` with the root mean square (0 to 1) of each 20 ms of sound, and with the moment at which these ended, in
 * milliseconds of the context's own clock. No busy page holds that one up, but it is good only within one context.
 *
 * Browsers slow the timers of hidden tabs; then blocks come late and several at once, each with its moment, as far back
 * as an analyser remembers (0.7 s at 48 kHz). A suspended context is silent: `hear` is not called.
 *
 * Chromium gives the sound of a remote track to an audio context only while some media element plays the track too
 * (https://crbug.com/121673).
 *
 * Returns what stops it. The track and the context are left as they are.
 */
export function meterTrack(
  track: MediaStreamTrack,
  context: AudioContext,
  hear: (rms: number, at: number) => void,
): () => void {
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = SHORTEST_VIEW;
  source.connect(analyser);
  const blockLength = Math.round(BLOCK_SECONDS * context.sampleRate);
  let heardUntil = context.currentTime;
  const timer = setInterval(() => {
    const now = context.currentTime;
    const unheard = Math.round((now - heardUntil) * context.sampleRate);
    const blocks = blocksOf(newest(analyser, unheard), blockLength);
    for (const block of blocks) hear(block.rms, (now - block.samplesAfter / context.sampleRate) * 1000);
    const left = blocks.at(-1)?.samplesAfter;
    if (left !== undefined) heardUntil = now - left / context.sampleRate;
  }, BLOCK_SECONDS * 1000);
  return () => {
    clearInterval(timer);
    source.disconnect();
  };
}

/** The last `count` samples, or as many as the analyser remembers. */
function newest(analyser: AnalyserNode, count: number): Float32Array {
  const wanted = Math.min(count, LONGEST_VIEW);
  if (wanted > analyser.fftSize) analyser.fftSize = LONGEST_VIEW;
  const view = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(view);
  return view.subarray(view.length - wanted);
}

/** Loudness of each whole block, the oldest first, and how many samples came after it. */
export function blocksOf(
  samples: Float32Array,
  blockLength: number,
): readonly { readonly rms: number; readonly samplesAfter: number }[] {
  const count = Math.floor(samples.length / blockLength);
  return Array.from({ length: count }, (_, index) => {
    const block = samples.subarray(index * blockLength, (index + 1) * blockLength);
    const squares = block.reduce((sum, sample) => sum + sample * sample, 0);
    return { rms: Math.sqrt(squares / blockLength), samplesAfter: samples.length - (index + 1) * blockLength };
  });
}
