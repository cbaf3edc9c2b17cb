// A call in a Daily room, by Daily's own code: it is loaded from Daily's host, carries the sound, and finds its way back.
import { DailyTransport } from "@pipecat-ai/daily-transport";
import type { RoomWayIn } from "../api/connect_api.ts";
import { describeDailyRoom } from "../diagnostics/daily_room.ts";
import { endOfDaily, failureOfDaily } from "./daily_errors.ts";
import { CallFailure, failure } from "./failures.ts";
import type { Guest, Line, LineOptions } from "./line.ts";
import { createClient, within } from "./rtvi.ts";

const READY_SECONDS = 30; // a cold start of the agent's session included
/** Daily often mends a short gap by itself. */
const PATIENCE_SECONDS = 2;
const RESUME_SECONDS = 20;
const LEAVE_SECONDS = 2;
/** How often Daily measures. */
const LOOK_MILLISECONDS = 2000;

type DailyCall = DailyTransport["dailyCallClient"];
type Participant = DailyCall extends { participants(): { local: infer P } } ? P : never;

/** What DailyTransport 1.6.9 has, and its types keep to themselves. */
interface Unpublished {
  _daily: DailyCall;
  state: string;
}

class RoomTransport extends DailyTransport {
  constructor() {
    super({
      videoSource: false,
      // Else daily-js runs what it loads by `Function()`, which the page's policy forbids.
      // https://docs.daily.co/docs/guides/privacy-and-security/content-security-policy
      dailyConfig: { avoidEval: true, useDevicePreferenceCookies: false },
    });
  }

  /** Pipecat's opens a microphone and has its level measured; the page does both itself. */
  override async initDevices(): Promise<void> {
    const { _daily: daily } = this as unknown as Unpublished;
    this.become("initializing");
    await daily.load();
    this.become("initialized");
  }

  /** After that it can't be used; what Daily listens to would otherwise stay for as long as the page. */
  destroy(): Promise<void> {
    return (this as unknown as Unpublished)._daily.destroy();
  }

  private become(state: string): void {
    (this as unknown as Unpublished).state = state;
  }
}

export function createDailyLine({ api, body, events, report }: LineOptions): Line {
  const transport = createTransport();
  const daily = transport.dailyCallClient;
  const nothing = (): void => undefined;
  const client = createClient(transport, {
    ...events,
    botTrack: nothing, // Daily's own events, below, also tell whose it is, and who left
    botLeft: nothing,
    botReady: nothing,
    guestName: (userId) => guests.get(userId)?.name,
  });
  /** By Daily's ids of participants, by which the bot knows them, too. */
  const guests = new Map<string, Guest>();
  const interrupted = new Set<string>();
  let way: RoomWayIn | null = null;
  let loading: Promise<void> | null = null;
  let reporting: ReturnType<typeof setInterval> | undefined;
  let ready = false;
  let away = false;
  let over = false;
  let fail: (error: CallFailure) => void = nothing;
  const failing = (): Promise<never> => {
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    failed.catch(nothing); // told where it is waited for
    return failed;
  };
  const failed = failing();
  let onBack: () => void = nothing;

  const end = (work: () => void): void => {
    if (!over) {
      over = true;
      work();
    }
  };

  daily.on("error", ({ error }) =>
    end(() => {
      if (!ready) {
        fail(new CallFailure(failureOfDaily(error)));
      } else if (away) {
        fail(new CallFailure(failure("dropped")));
      } else {
        events.ended(endOfDaily(error));
      }
    }),
  );
  daily.on("left-meeting", () => end(() => events.ended({ by: "failure", failure: failure("dropped") })));
  daily.on("participant-left", ({ participant }) => {
    const guest = guests.get(participant.session_id);
    guests.delete(participant.session_id);
    if (isBot(participant)) {
      end(() => (ready ? events.ended({ by: "bot" }) : fail(new CallFailure(failure("bot-failed")))));
    } else if (guest) {
      events.guestLeft(guest);
    }
  });
  daily.on("participant-joined", ({ participant }) => {
    if (!participant.local && !isBot(participant)) {
      const guest = { id: participant.session_id, name: participant.user_name || "A guest" };
      guests.set(guest.id, guest);
      events.guestJoined(guest);
    }
  });
  daily.on("track-started", ({ track, participant }) => {
    if (track.kind !== "audio" || !participant || participant.local) {
      return;
    }
    const guest = guests.get(participant.session_id);
    guest ? events.guestTrack(guest, track) : events.botTrack(track);
  });
  daily.on("network-connection", ({ type, event }) => {
    if (event === "interrupted") {
      interrupted.add(type);
      setTimeout(lose, PATIENCE_SECONDS * 1000);
    } else {
      interrupted.delete(type);
      if (interrupted.size === 0) {
        onBack();
      }
    }
  });
  const lose = (): void => {
    if (ready && !away && !over && interrupted.size > 0) {
      away = true;
      events.lost();
    }
  };

  const load = (): Promise<void> => {
    loading ??= client.initDevices();
    loading.catch(nothing); // told where it is waited for
    return loading;
  };
  const connect = async (): Promise<void> => {
    await load();
    const { dailyRoom, dailyToken } = way as RoomWayIn;
    await client.connect({ dailyRoom, dailyToken });
  };
  /** What took too long. */
  const late = (): CallFailure => {
    const state = daily.meetingState();
    if (state === "joined-meeting") {
      return new CallFailure(failure("bot-missing"));
    }
    return new CallFailure(failure(state === "new" || state === "loading" ? "daily-blocked" : "no-relay"));
  };
  const look = async (): Promise<void> => {
    const { stats } = await daily.getNetworkStats();
    if (!over) {
      report.value = describeDailyRoom(stats);
    }
  };

  return {
    async start() {
      way = await api.startDaily(body);
      return way.sessionId;
    },
    async useMicrophone(track) {
      await daily.setInputDevicesAsync({ audioSource: track });
      void load();
    },
    async open(microphone) {
      try {
        if (loading === null) {
          await daily.setInputDevicesAsync({ audioSource: microphone });
        }
        await within(READY_SECONDS, Promise.race([connect(), failed]), late);
      } catch (error) {
        throw error instanceof CallFailure ? error : new CallFailure(failure("daily-failed"), { cause: error });
      }
      ready = true;
      void look();
      reporting = setInterval(() => void look(), LOOK_MILLISECONDS);
    },
    async resume() {
      const lost = failing();
      const back = new Promise<void>((resolve) => {
        onBack = resolve;
      });
      if (interrupted.size > 0) {
        await within(RESUME_SECONDS, Promise.race([back, lost]), () => new CallFailure(failure("dropped")));
      }
      away = false;
    },
    setMuted(muted) {
      client.enableMic(!muted);
    },
    async invite() {
      const { dailyRoom, dailyToken } = await api.invite((way as RoomWayIn).sessionId);
      return `${dailyRoom}?t=${encodeURIComponent(dailyToken)}`;
    },
    async close() {
      over = true;
      clearInterval(reporting);
      // Where Daily's code never came, or hangs, there is nobody to say goodbye to.
      await within(LEAVE_SECONDS, client.disconnect(), () => new Error("Daily does not leave")).catch(nothing);
      void transport.destroy();
    },
  };
}

/** Throws `CallFailure` where the browser has no WebRTC. */
function createTransport(): RoomTransport {
  try {
    return new RoomTransport();
  } catch (error) {
    throw new CallFailure(failure("unsupported"), { cause: error });
  }
}

/** Only the agent has an owner's token. */
function isBot({ owner }: Pick<Participant, "owner">): boolean {
  return owner;
}
