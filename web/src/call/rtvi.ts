// Pipecat's client, set up as every transport here uses it: RTVI's messages become the events of a line.
import { LogLevel, logger, PipecatClient, type Transport } from "@pipecat-ai/client-js";
import type { LineEvents } from "./line.ts";

export interface ClientEvents extends LineEvents {
  botLeft(): void;
  botReady(): void;
  /** The name of the guest whom the bot knows by this id; undefined: it is the caller. */
  guestName?(userId: string): string | undefined;
}

export function createClient(transport: Transport, events: ClientEvents): PipecatClient {
  logger.setLevel(LogLevel.NONE); // it would write every word of the call to the console
  return new PipecatClient({
    transport,
    enableMic: true,
    enableCam: false,
    disconnectOnBotDisconnect: false,
    callbacks: {
      onBotReady: () => events.botReady(),
      onBotStartedSpeaking: () => events.botSpeaking(true),
      onBotStoppedSpeaking: () => events.botSpeaking(false),
      onUserTranscript: ({ text, final, user_id }) => events.callerSaid(text, final, events.guestName?.(user_id)),
      onBotOutput: (output) => events.botSays(output),
      onServerMessage: (message) => events.serverMessage(message),
      onBotDisconnected: () => events.botLeft(),
      onError: ({ data }) => {
        // The transports report their own losses by this way, too, and those are fatal.
        if (!(data as { fatal?: boolean }).fatal) {
          events.botErred();
        }
      },
      onTrackStarted: (track, participant) => {
        if (track.kind === "audio" && !participant?.local) {
          events.botTrack(track);
        }
      },
    },
  });
}

/** Wait, but not for ever. Throws what `late` makes. */
export async function within<T>(seconds: number, promise: Promise<T>, late: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), seconds * 1000);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
