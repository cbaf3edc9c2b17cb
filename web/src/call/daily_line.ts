// A call in a Daily room. Daily's own code keeps the microphone and finds its way back by itself.
import { DailyTransport } from "@pipecat-ai/daily-transport";
import { CallFailure, failure } from "./failures.ts";
import type { Line, LineOptions } from "./line.ts";
import { createClient, within } from "./rtvi.ts";

const READY_SECONDS = 30;

export function createDailyLine({ api, body, events }: LineOptions): Line {
  let room: unknown;
  let closed = false;
  const client = createClient(new DailyTransport(), {
    ...events,
    botLeft: () => closed || events.ended({ by: "bot" }),
    botReady: () => undefined,
  });
  return {
    async start() {
      const started = await api.startDaily(body);
      room = started.room;
      return started.sessionId;
    },
    async open() {
      await within(READY_SECONDS, client.connect(room), () => new CallFailure(failure("no-relay")));
    },
    async resume() {
      throw new CallFailure(failure("dropped"));
    },
    async useMicrophone(track) {
      const { deviceId } = track.getSettings();
      if (deviceId) {
        client.updateMic(deviceId);
      }
    },
    async close() {
      closed = true;
      await client.disconnect();
    },
  };
}
