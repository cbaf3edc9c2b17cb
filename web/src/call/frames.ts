// Pipecat's protobuf frames as the agent sends them. Pipecat's own reader knows neither interruptions nor sample rates.
// https://github.com/pipecat-ai/pipecat/blob/main/src/pipecat/frames/frames.proto

export type ReceivedFrame =
  /** PCM16 mono at `rate` Hz. */
  | { readonly kind: "audio"; readonly samples: Int16Array; readonly rate: number }
  /** JSON, RTVI's as a rule. */
  | { readonly kind: "message"; readonly text: string }
  /** The caller interrupts: what was sent and not heard is to be dropped. */
  | { readonly kind: "interruption" }
  | { readonly kind: "other" };

type Field = { readonly number: number; readonly bytes: Uint8Array; readonly value: number };

const AUDIO = 2;
const MESSAGE = 4;
const INTERRUPTION = 5;

/** Throws `RangeError` for what is no protobuf message. */
export function readFrame(bytes: Uint8Array): ReceivedFrame {
  const [frame] = fieldsOf(bytes);
  switch (frame?.number) {
    case AUDIO:
      return audioOf(fieldsOf(frame.bytes));
    case MESSAGE:
      return { kind: "message", text: new TextDecoder().decode(fieldOf(fieldsOf(frame.bytes), 1)?.bytes) };
    case INTERRUPTION:
      return { kind: "interruption" };
    default:
      return { kind: "other" };
  }
}

function audioOf(fields: readonly Field[]): ReceivedFrame {
  // A copy, since 16-bit samples must begin at an even address.
  const sound = fieldOf(fields, 3)?.bytes.slice() ?? new Uint8Array(0);
  return {
    kind: "audio",
    samples: new Int16Array(sound.buffer, 0, sound.length >> 1),
    rate: fieldOf(fields, 4)?.value ?? 0,
  };
}

function fieldOf(fields: readonly Field[], number: number): Field | undefined {
  return fields.find((field) => field.number === number);
}

/** https://protobuf.dev/programming-guides/encoding/ */
function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) {
        throw new RangeError("a frame is cut short");
      }
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        return value;
      }
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wireType = tag & 7;
    let value = 0;
    let length = 0;
    if (wireType === 0) {
      value = varint();
    } else if (wireType === 2) {
      length = varint();
    } else {
      throw new RangeError(`wire type ${wireType} in a frame; 0 and 2 are known`);
    }
    if (at + length > bytes.length) {
      throw new RangeError("a frame is cut short");
    }
    fields.push({ number: tag >>> 3, value, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return fields;
}
