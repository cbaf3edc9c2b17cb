// The bot's voice at the caller's ear, on the device that they choose where the browser lets them.

export interface Speaker {
  play(track: MediaStreamTrack): void;
  choose(deviceId: string): Promise<void>;
  stop(): void;
}

/** Only a media element can be sent to a device in most browsers, and makes a remote track audible to the meters. */
export function createSpeaker(): Speaker {
  const element = new Audio();
  return {
    play(track) {
      element.srcObject = new MediaStream([track]);
      // A browser may refuse to play what no click began; then there is nothing to add to the button that it shows.
      void element.play().catch(() => undefined);
    },
    async choose(deviceId) {
      await (element as { setSinkId?: (id: string) => Promise<void> }).setSinkId?.(deviceId);
    },
    stop() {
      element.srcObject = null;
    },
  };
}
