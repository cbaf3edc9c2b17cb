// The voices of the bot and of guests at the caller's ear, on the device that they choose where the browser lets them.

export interface Speaker {
  /** `whose`: the bot's by default, or a guest's id. Each has one voice, the latest. */
  play(track: MediaStreamTrack, whose?: string): void;
  silence(whose: string): void;
  choose(deviceId: string): Promise<void>;
  stop(): void;
}

type Output = HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };

const BOT = "bot";

/** Only a media element can be sent to a device in most browsers, and makes a remote track audible to the meters. */
export function createSpeaker(): Speaker {
  const voices = new Map<string, Output>([[BOT, new Audio()]]);
  let device: string | null = null;
  const voice = (whose: string): Output => {
    const element = voices.get(whose) ?? new Audio();
    if (!voices.has(whose)) {
      voices.set(whose, element);
      if (device !== null) {
        void send(element, device).catch(() => undefined); // it may be gone; the default plays
      }
    }
    return element;
  };
  const silence = (whose: string): void => {
    const element = voices.get(whose);
    if (element) {
      element.srcObject = null;
    }
    voices.delete(whose);
  };
  return {
    play(track, whose = BOT) {
      const element = voice(whose);
      element.srcObject = new MediaStream([track]);
      // A browser may refuse to play what no click began; then there is nothing to add to the button that it shows.
      void element.play().catch(() => undefined);
    },
    silence,
    async choose(deviceId) {
      await Promise.all([...voices.values()].map((element) => send(element, deviceId)));
      device = deviceId;
    },
    stop() {
      for (const whose of [...voices.keys()]) {
        silence(whose);
      }
    },
  };
}

async function send(element: Output, deviceId: string): Promise<void> {
  await element.setSinkId?.(deviceId);
}
