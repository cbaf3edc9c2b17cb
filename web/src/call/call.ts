// A call from the button to the last word: it joins the microphone, the API, a line to the bot and the ear, keeps the
// transcript, comes back once after a loss, and says in words how it ended.
import { signal } from "@preact/signals";
import { type ConnectApi, type ConnectApiOptions, createConnectApi } from "../api/connect_api.ts";
import { createAnswerClock } from "../audio/answer_clock.ts";
import { loudness } from "../audio/loudness.ts";
import { meterTrack } from "../audio/meter.ts";
import type { Config } from "../config.ts";
import type {
  Answer,
  Call,
  CallState,
  ConnectionReport,
  Devices,
  Failure,
  FailureKind,
  TransportName,
} from "../model.ts";
import { CallFailure, failure, failureOf } from "./failures.ts";
import type { CreateLine, End, Line, LineEvents } from "./line.ts";
import { createMicrophone } from "./microphone.ts";
import { createSpeaker } from "./speaker.ts";
import { createTranscript } from "./transcript.ts";

const PAUSE_SECONDS = 1;
const TOKEN_SECONDS = 60;

const HUNG_UP = "You hung up.";
const TRANSFERRED = "The agent has transferred you to a human.";
const NOTICES = {
  lost: "The connection was lost. Trying to come back.",
  back: "The connection is back.",
  gone: "The connection could not be restored.",
  microphone: "The microphone was disconnected; another one is used now.",
  joined: (name: string) => `${name} has joined the call.`,
  left: (name: string) => `${name} has left the call.`,
};

/** What a call needs of a browser, so that a test can give it something else. */
export interface CallBrowser {
  readonly loadLine: (transport: TransportName) => Promise<CreateLine>;
  readonly createMicrophone: typeof createMicrophone;
  readonly createSpeaker: typeof createSpeaker;
  readonly createContext: () => AudioContext;
  readonly meterTrack: typeof meterTrack;
  readonly listDevices: () => Promise<readonly MediaDeviceInfo[]>;
  readonly watchDevices: (onChange: () => void) => void;
  /** The page is being left. */
  readonly watchLeaving: (onLeave: () => void) => void;
  readonly pause: (seconds: number) => Promise<void>;
}

const browser: CallBrowser = {
  loadLine,
  createMicrophone,
  createSpeaker,
  createContext: () => new AudioContext({ latencyHint: "interactive" }),
  meterTrack,
  listDevices: async () => (await navigator.mediaDevices?.enumerateDevices()) ?? [],
  watchDevices: (onChange) => navigator.mediaDevices?.addEventListener("devicechange", onChange),
  watchLeaving: (onLeave) => globalThis.addEventListener("pagehide", onLeave),
  pause: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
};

/** Load the client and what is deployed, ahead of the click; Daily's only when it is the recommended one. */
export async function preloadCall(config: Config): Promise<void> {
  const ahead = config.transports.filter((transport, index) => transport !== "daily" || index === 0);
  await Promise.all(ahead.map(loadLine));
}

async function loadLine(transport: TransportName): Promise<CreateLine> {
  switch (transport) {
    case "webrtc":
      return (await import("./peer_line.ts")).createPeerLine;
    case "websocket":
      return (await import("./socket_line.ts")).createSocketLine;
    case "daily":
      return (await import("./daily_line.ts")).createDailyLine;
  }
}

export function createCall(
  { config, accessToken }: { readonly config: Config; readonly accessToken: ConnectApiOptions["accessToken"] },
  page: CallBrowser = browser,
  api: ConnectApi = createConnectApi({ apiUrl: config.apiUrl, accessToken }),
): Call {
  const state = signal<CallState>({ name: "idle" });
  const transcript = signal<Call["transcript"]["value"]>([]);
  const answers = signal<readonly Answer[]>([]);
  const levels = signal({ caller: 0, bot: 0 });
  const devices = signal<Devices>({ microphones: [], speakers: [], microphone: null, speaker: null });
  const muted = signal(false);
  const connection = signal<ConnectionReport | null>(null);
  const sessionId = signal<string | null>(null);
  const invite = signal<Call["invite"]["value"]>(null);
  /** The call that runs; what a former one still reports is not heard. */
  let running: Running | null = null;

  const listDevices = async (): Promise<void> => {
    const all = (await page.listDevices()).filter(({ deviceId }) => deviceId !== "");
    const microphones = all.filter(({ kind }) => kind === "audioinput");
    const speakers = all.filter(({ kind }) => kind === "audiooutput");
    devices.value = {
      microphones,
      speakers,
      microphone: running?.microphone.track?.getSettings().deviceId ?? devices.value.microphone,
      speaker: devices.value.speaker ?? speakers[0]?.deviceId ?? null,
    };
  };
  page.watchDevices(() => void listDevices());
  void listDevices();
  page.watchLeaving(() => {
    if (running?.sessionId) {
      api.abandonSession(running.sessionId);
    }
  });

  /** End what runs; the session too, at once and whatever the connection is like, since it is billed. */
  const finish = async (call: Running, end: CallState): Promise<void> => {
    if (running !== call) {
      return;
    }
    running = null;
    state.value = end;
    call.transcript.botFellSilent();
    levels.value = { caller: 0, bot: 0 };
    muted.value = false;
    invite.value = null;
    const ended = call.sessionId ? api.endSession(call.sessionId) : undefined;
    clearInterval(call.keepingToken);
    for (const stop of call.stops) {
      stop();
    }
    call.microphone.close();
    call.speaker.stop();
    await Promise.allSettled([ended, call.line?.close(), call.context.peek()?.close()]);
  };
  const fail = (call: Running, why: Failure): Promise<void> => finish(call, { name: "failed", failure: why });

  const useMicrophone = async (call: Running, deviceId?: string): Promise<void> => {
    const track = await call.microphone.open(deviceId);
    call.meterCaller(track);
    await call.line?.useMicrophone(track);
    await listDevices();
  };

  const comeBack = async (call: Running): Promise<void> => {
    state.value = { name: "reconnecting" };
    call.transcript.botFellSilent();
    call.transcript.notice(NOTICES.lost);
    try {
      await resume(call);
      if (running === call) {
        call.transcript.notice(NOTICES.back);
        state.value = { name: "listening" };
      }
    } catch (error) {
      if (running === call) {
        call.transcript.notice(NOTICES.gone);
        const { kind } = failureOf(error, "dropped");
        // What the API says of a session that it can't help is no news to somebody whose call is gone.
        await fail(call, kind === "signed-out" || kind === "bot-failed" ? failureOf(error, kind) : failure("dropped"));
      }
    }
  };
  /** One attempt; while the network is away there is nothing to attempt. */
  const resume = async (call: Running): Promise<void> => {
    for (let waited = 0; ; waited += PAUSE_SECONDS) {
      try {
        await (call.line as Line).resume();
        return;
      } catch (error) {
        const away = failureOf(error, "dropped").kind === "unreachable";
        if (!away || running !== call || waited >= config.reconnectGraceSeconds) {
          throw error;
        }
        await page.pause(PAUSE_SECONDS);
      }
    }
  };
  const ended = (call: Running, end: End): void => {
    if (end.by === "failure") {
      void fail(call, end.failure);
    } else if (end.by === "bot" && call.botErred && !call.transferred) {
      void fail(call, failure("bot-failed"));
    } else {
      const sentences = {
        bot: call.transferred ? TRANSFERRED : "The agent ended the call.",
        "other-window": "The call goes on in another window.",
        session: "The session has reached its end. Call again to go on.",
      };
      void finish(call, { name: "ended", sentence: sentences[end.by] });
    }
  };

  const eventsOf = (call: Running): LineEvents => {
    const now = (work: () => void): void => {
      if (running === call) {
        work();
      }
    };
    return {
      lost: () => now(() => void comeBack(call)),
      ended: (end) => now(() => ended(call, end)),
      botTrack: (track) =>
        now(() => {
          call.speaker.play(track);
          call.meterBot(track);
        }),
      botSpeaking: (speaking) =>
        now(() => {
          if (!speaking) {
            call.transcript.botFellSilent();
          }
          if (state.value.name === "listening" || state.value.name === "speaking") {
            state.value = { name: speaking ? "speaking" : "listening" };
          }
        }),
      callerSaid: (text, final, guest) =>
        now(() => {
          call.botErred = false; // the bot got over it
          call.transcript.callerSaid(text, final, guest);
        }),
      guestJoined: ({ name }) => now(() => call.transcript.notice(NOTICES.joined(name))),
      guestTrack: ({ id }, track) => now(() => call.speaker.play(track, id)),
      guestLeft: ({ id, name }) =>
        now(() => {
          call.speaker.silence(id);
          call.transcript.notice(NOTICES.left(name));
        }),
      botSays: (output) => now(() => call.transcript.botSays(output)),
      serverMessage: (message) =>
        now(() => {
          call.transferred ||= (message as { type?: unknown } | null)?.type === "transfer-to-human";
        }),
      botErred: () =>
        now(() => {
          call.botErred = true;
        }),
    };
  };

  /** Microphone and session at the same time: each takes a while, and neither needs the other. */
  const connect = async (call: Running, transport: TransportName, remember: boolean): Promise<void> => {
    const createLine = page.loadLine(transport).catch((error: unknown) => {
      throw new CallFailure(failure("unreachable"), { cause: error });
    });
    const session = createLine.then(async (create) => {
      if (running !== call) {
        return; // the caller hung up meanwhile
      }
      const body = config.memory && remember ? { remember: true } : {};
      const line = create({ api, body, context: call.context.get, events: eventsOf(call), report: connection });
      call.line = line;
      call.sessionId = await line.start();
      if (running === call) {
        sessionId.value = call.sessionId;
      } else {
        await api.endSession(call.sessionId);
      }
    });
    session.catch(() => undefined); // told below, unless the microphone fails first
    await useMicrophone(call, devices.value.microphone ?? undefined).catch(retryAnyMicrophone(call));
    if (running === call) {
      state.value = { name: "connecting" };
    }
    await session;
    if (running === call) {
      const line = call.line as Line;
      line.setMuted?.(muted.value);
      await line.open(call.microphone.track as MediaStreamTrack);
      if (running === call) {
        invite.value = line.invite?.bind(line) ?? null;
      }
    }
  };
  /** The device that was chosen for the last call may be gone. */
  const retryAnyMicrophone =
    (call: Running) =>
    async (error: unknown): Promise<void> => {
      if (devices.value.microphone === null || failureOf(error, "unsupported").kind !== "microphone-missing") {
        throw error;
      }
      await useMicrophone(call);
    };

  const begin = (): Running => {
    let made: AudioContext | null = null;
    const context = {
      peek: () => made,
      get: () => {
        made ??= page.createContext();
        void made.resume();
        return made;
      },
    };
    const clock = createAnswerClock((milliseconds) => {
      answers.value = [...answers.value, { number: answers.value.length + 1, milliseconds: Math.round(milliseconds) }];
    });
    const stops = new Set<() => void>();
    const meter = (side: "caller" | "bot") => {
      let stop = (): void => undefined;
      return (track: MediaStreamTrack): void => {
        stop();
        stops.delete(stop);
        stop = page.meterTrack(track, context.get(), (rms, at) => {
          if (side === "bot" || !muted.value) {
            clock[side](rms, at); // in silence it would learn that any room is loud
          }
          levels.value = { ...levels.value, [side]: loudness(rms) };
        });
        stops.add(stop);
      };
    };
    const call: Running = {
      context,
      stops,
      meterCaller: meter("caller"),
      meterBot: meter("bot"),
      microphone: page.createMicrophone(() => void replaceMicrophone(call)),
      speaker: page.createSpeaker(),
      transcript: createTranscript((lines) => {
        transcript.value = lines;
      }),
      keepingToken: setInterval(() => void api.keepToken().catch(() => undefined), TOKEN_SECONDS * 1000),
      line: null,
      sessionId: null,
      transferred: false,
      botErred: false,
    };
    return call;
  };
  const replaceMicrophone = async (call: Running): Promise<void> => {
    try {
      await useMicrophone(call);
      call.transcript.notice(NOTICES.microphone);
    } catch (error) {
      await fail(call, failureOf(error, "microphone-missing"));
    }
  };

  return {
    state,
    transcript,
    answers,
    levels,
    devices,
    muted,
    connection,
    sessionId,
    invite,
    async start({ transport, remember }) {
      if (running) {
        return;
      }
      const call = begin();
      running = call;
      transcript.value = [];
      answers.value = [];
      connection.value = null;
      sessionId.value = null;
      state.value = { name: "asking" };
      try {
        if (devices.value.speaker !== null) {
          void call.speaker.choose(devices.value.speaker).catch(() => undefined); // it may be gone; the default plays
        }
        await connect(call, transport, remember);
        if (running === call) {
          state.value = { name: "listening" };
        }
      } catch (error) {
        await fail(call, failureOf(error, otherwise(state.value)));
      }
    },
    async hangUp() {
      if (running) {
        await finish(running, { name: "ended", sentence: HUNG_UP });
      }
    },
    setMuted(now) {
      running?.microphone.setMuted(now);
      running?.line?.setMuted?.(now);
      muted.value = now;
    },
    async chooseMicrophone(deviceId) {
      devices.value = { ...devices.value, microphone: deviceId };
      if (running) {
        await useMicrophone(running, deviceId);
      }
    },
    async chooseSpeaker(deviceId) {
      await running?.speaker.choose(deviceId);
      devices.value = { ...devices.value, speaker: deviceId };
    },
  };
}

interface Running {
  readonly context: { readonly peek: () => AudioContext | null; readonly get: () => AudioContext };
  readonly stops: Set<() => void>;
  readonly meterCaller: (track: MediaStreamTrack) => void;
  readonly meterBot: (track: MediaStreamTrack) => void;
  readonly microphone: ReturnType<typeof createMicrophone>;
  readonly speaker: ReturnType<typeof createSpeaker>;
  readonly transcript: ReturnType<typeof createTranscript>;
  readonly keepingToken: ReturnType<typeof setInterval>;
  line: Line | null;
  sessionId: string | null;
  transferred: boolean;
  botErred: boolean;
}

function otherwise({ name }: CallState): FailureKind {
  return name === "asking" ? "microphone-missing" : "unreachable";
}
