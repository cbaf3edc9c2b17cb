// The microphone's samples to the page and the bot's to the ear, in the browser's audio thread. A file of its own, since
// the content security policy allows scripts of this origin only, and Pipecat's worklets are `blob:` URLs.
import { createPlayout } from "./playout.ts";
import { createResampler } from "./resampler.ts";

// TypeScript has no types for the global scope of an audio worklet.
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: unknown): void;

/** Posts PCM16 mono at `options.processorOptions.rate` Hz, 20 ms at a time. */
class Capture extends AudioWorkletProcessor {
  private readonly resample: (samples: Float32Array) => Float32Array;
  private readonly piece: Int16Array;
  private filled = 0;

  constructor(options: AudioWorkletNodeOptions) {
    super();
    const { rate } = options.processorOptions as { rate: number };
    this.resample = createResampler(sampleRate, rate);
    this.piece = new Int16Array(rate / 50);
  }

  process([input]: Float32Array[][]): boolean {
    for (const sample of this.resample(input?.[0] ?? new Float32Array(0))) {
      this.piece[this.filled++] = Math.round(Math.max(-1, Math.min(1, sample)) * 0x7fff);
      if (this.filled === this.piece.length) {
        this.port.postMessage(this.piece.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

/** Plays what is posted to it: `{samples, rate}` with PCM16 mono; `null` drops what has not been heard yet. */
class Playback extends AudioWorkletProcessor {
  private readonly playout = createPlayout(sampleRate);

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<{ samples: Int16Array; rate: number } | null>) => {
      if (data) {
        this.playout.add(data.samples, data.rate);
      } else {
        this.playout.drop();
      }
    };
  }

  process(_: unknown, [output]: Float32Array[][]): boolean {
    if (output?.[0]) {
      this.playout.fill(output[0]);
    }
    return true;
  }
}

registerProcessor("capture", Capture);
registerProcessor("playback", Playback);
