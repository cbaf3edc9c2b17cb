// A call over a WebSocket: Pipecat's transport with audio of our own, which plays the agent's sample rate, can be
// interrupted, metered and sent to a chosen speaker, and needs no `blob:` in the content security policy.
import type { PipecatClient, RTVIMessage } from "@pipecat-ai/client-js";
import { ProtobufFrameSerializer, WavMediaManager, WebSocketTransport } from "@pipecat-ai/websocket-transport";
import type { SocketWayIn } from "../api/connect_api.ts";
import { describeWebSocket } from "../diagnostics/web_socket.ts";
import workletUrl from "./audio_worklet.ts?worker&url";
import { CallFailure, failure } from "./failures.ts";
import { readFrame } from "./frames.ts";
import type { End, Line, LineOptions } from "./line.ts";
import { createClient, within } from "./rtvi.ts";

/** What every pipeline of the agent hears, in Hz. */
const SAMPLE_RATE = 16_000;
const READY_SECONDS = 30; // a cold start of the agent's session included
const RESUME_SECONDS = 10;
/** AgentCore answers a handshake with 409 while the session is changing, which a page can't tell from any other no. */
const SECOND_TRY_SECONDS = 0.5;

// RFC 6455, 7.4.1.
const NORMAL = 1000;
const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;

/** The connection closed before the bot was ready. */
class Closed extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string) {
    super(`closed with ${code}`);
    this.code = code;
    this.reason = reason;
  }
}

export function createSocketLine({ api, body, context, events, report }: LineOptions): Line {
  let loading: Promise<SocketAudio> | undefined;
  const audio = (): Promise<SocketAudio> => {
    loading ??= loadAudio(context(), (track) => events.botTrack(track));
    return loading;
  };
  let way: SocketWayIn | null = null;
  let client: PipecatClient | null = null;
  let closed = false;
  const bytes = { sent: 0, received: 0 };
  const counters = { sent: () => bytes.sent, received: () => bytes.received };
  let reporting: ReturnType<typeof setInterval> | undefined;

  const connectOnce = async (wsUrl: string): Promise<void> => {
    const playing = await audio();
    await new Promise<void>((resolve, reject) => {
      let ready = false;
      const onClose = (code: number, reason: string): void => {
        if (!ready) {
          reject(new Closed(code, reason));
        } else if (!closed) {
          const end = endOf(code, reason);
          end ? events.ended(end) : events.lost();
        }
      };
      const transport = new SocketTransport({
        onClose,
        mediaManager: new SocketMedia(playing),
        serializer: createSerializer(playing, bytes),
      });
      // A connection of its own each time: an old one may still be closing.
      client = createClient(transport, { ...events, botLeft: () => undefined, botReady: () => undefined });
      client.connect({ wsUrl }).then(() => {
        ready = true;
        resolve();
      }, reject);
    });
  };

  const connect = async (wsUrl: string): Promise<void> => {
    try {
      await connectOnce(wsUrl);
    } catch (error) {
      if (error instanceof Closed) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, SECOND_TRY_SECONDS * 1000));
      await connectOnce(wsUrl);
    }
  };

  const describe = (url: string): void => {
    clearInterval(reporting);
    const look = (): void => {
      report.value = describeWebSocket(url, counters);
    };
    look();
    reporting = setInterval(look, 1000);
  };

  const lose = (): void => {
    // A page hears nothing of a network that is gone, until TCP gives up; the browser knows sooner.
    if (client?.connected && !closed) {
      void client.disconnect();
      events.lost();
    }
  };
  globalThis.addEventListener("offline", lose);

  return {
    async start() {
      way = await api.startSocket(body);
      return way.sessionId;
    },
    async open(microphone) {
      const { wsUrl } = way as SocketWayIn;
      (await audio()).hear(microphone);
      try {
        await within(READY_SECONDS, connect(wsUrl), () => new CallFailure(failure("busy")));
      } catch (error) {
        throw openFailure(error);
      }
      describe(wsUrl);
    },
    async resume() {
      const { wsUrl } = await api.resumeSocket((way as SocketWayIn).sessionId);
      try {
        await within(RESUME_SECONDS, connect(wsUrl), () => new CallFailure(failure("dropped")));
      } catch (error) {
        throw error instanceof CallFailure ? error : new CallFailure(failure("dropped"), { cause: error });
      }
      describe(wsUrl);
    },
    async useMicrophone(track) {
      (await audio()).hear(track);
    },
    async close() {
      closed = true;
      clearInterval(reporting);
      globalThis.removeEventListener("offline", lose);
      await client?.disconnect();
      await loading?.then((playing) => playing.stop());
    },
  };
}

/** How the agent ended the call; null where the connection was merely lost. */
export function endOf(code: number, reason: string): End | null {
  if (code === INTERNAL_ERROR) {
    return { by: "failure", failure: failure("bot-failed") };
  }
  if (code === NORMAL) {
    return { by: reason.includes("took this call over") ? "other-window" : "bot" };
  }
  return code === GOING_AWAY && reason.startsWith("the agent is stopping") ? { by: "session" } : null;
}

function openFailure(error: unknown): CallFailure {
  if (error instanceof CallFailure) {
    return error;
  }
  if (error instanceof Closed) {
    return new CallFailure(failure(error.code === INTERNAL_ERROR ? "bot-failed" : "refused"), { cause: error });
  }
  return new CallFailure(failure("unreachable"), { cause: error });
}

/** The microphone on its way to the agent and the bot's voice as a track, by nodes of one audio context. */
interface SocketAudio {
  hear(microphone: MediaStreamTrack): void;
  /** Where PCM16 of the microphone goes; null while nobody listens. */
  listener: ((samples: ArrayBuffer) => void) | null;
  play(samples: Int16Array, rate: number): void;
  drop(): void;
  stop(): void;
}

async function loadAudio(context: AudioContext, onTrack: (track: MediaStreamTrack) => void): Promise<SocketAudio> {
  await context.audioWorklet.addModule(workletUrl);
  const capture = new AudioWorkletNode(context, "capture", {
    channelCount: 1,
    channelCountMode: "explicit",
    processorOptions: { rate: SAMPLE_RATE },
  });
  capture.connect(context.destination); // it puts out silence; browsers run what leads to the ear
  const playback = new AudioWorkletNode(context, "playback", { outputChannelCount: [1] });
  const bot = context.createMediaStreamDestination();
  playback.connect(bot);
  let source: MediaStreamAudioSourceNode | null = null;

  const audio: SocketAudio = {
    listener: null,
    hear(microphone) {
      source?.disconnect();
      source = context.createMediaStreamSource(new MediaStream([microphone]));
      source.connect(capture);
    },
    play: (samples, rate) => playback.port.postMessage({ samples, rate }),
    drop: () => playback.port.postMessage(null),
    stop() {
      for (const node of [source, capture, playback]) {
        node?.disconnect();
      }
    },
  };
  capture.port.onmessage = ({ data }: MessageEvent<Int16Array<ArrayBuffer>>) => audio.listener?.(data.buffer);
  const [track] = bot.stream.getAudioTracks();
  if (track) {
    onTrack(track);
  }
  return audio;
}

/** The media manager that Pipecat's transport asks for: its connection decides when the microphone is listened to. */
class SocketMedia extends WavMediaManager {
  private readonly audio: SocketAudio;
  private readonly listen = (samples: ArrayBuffer): void => this._userAudioCallback(samples);

  constructor(audio: SocketAudio) {
    super();
    this.audio = audio;
  }

  override async initialize(): Promise<void> {}

  override async connect(): Promise<void> {
    this.audio.listener = this.listen;
  }

  override async disconnect(): Promise<void> {
    if (this.audio.listener === this.listen) {
      this.audio.listener = null;
    }
  }

  override tracks(): { local: Record<string, never> } {
    return { local: {} };
  }
}

class SocketTransport extends WebSocketTransport {
  private readonly onClose: (code: number, reason: string) => void;

  constructor({
    onClose,
    ...options
  }: ConstructorParameters<typeof WebSocketTransport>[0] & { onClose: (code: number, reason: string) => void }) {
    super({ ...options, recorderSampleRate: SAMPLE_RATE });
    this.onClose = onClose;
  }

  override initializeWebsocket(): ReturnType<WebSocketTransport["initializeWebsocket"]> {
    const socket = super.initializeWebsocket();
    // Before Pipecat's own listener, which disconnects, and keeps the reason to itself.
    socket.prependListener("close", this.onClose);
    Object.assign(socket, { log: () => undefined }); // it would write the signed URL to the console
    return socket;
  }
}

function createSerializer(audio: SocketAudio, bytes: { sent: number; received: number }): ProtobufFrameSerializer {
  const counted = (sent: Uint8Array): Uint8Array => {
    bytes.sent += sent.length;
    return sent;
  };
  return Object.assign(
    new (class extends ProtobufFrameSerializer {
      override serializeAudio(data: ArrayBuffer, rate: number, channels: number): Uint8Array {
        return counted(super.serializeAudio(data, rate, channels));
      }
      override serializeMessage(message: RTVIMessage): Uint8Array {
        return counted(super.serializeMessage(message));
      }
      // biome-ignore lint/suspicious/noExplicitAny: the type that Pipecat gives it
      override async deserialize(data: any): Promise<any> {
        const received = new Uint8Array(await (data as Blob).arrayBuffer());
        bytes.received += received.length;
        const frame = readFrame(received);
        if (frame.kind === "message") {
          return { type: "message", message: JSON.parse(frame.text) as RTVIMessage };
        }
        if (frame.kind === "audio") {
          audio.play(frame.samples, frame.rate);
        } else if (frame.kind === "interruption") {
          audio.drop();
        }
        return { type: "raw", message: null }; // nothing more for Pipecat to do
      }
    })(),
  );
}
