// Whose voice is where, with the browser's audio elements played by the test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSpeaker } from "./speaker.ts";

const elements: { srcObject: unknown; device: string | null }[] = [];

class FakeAudio {
  srcObject: unknown = null;
  device: string | null = null;
  constructor() {
    elements.push(this);
  }
  async play(): Promise<void> {}
  async setSinkId(id: string): Promise<void> {
    this.device = id;
  }
}
Object.assign(globalThis, {
  Audio: FakeAudio,
  MediaStream: class {
    readonly tracks: unknown;
    constructor(tracks: unknown) {
      this.tracks = tracks;
    }
  },
});

test("a guest has a voice beside the bot's, on the device that was chosen for all", async () => {
  const speaker = createSpeaker();
  const played = () => elements.map(({ srcObject }) => (srcObject as { tracks: unknown[] } | null)?.tracks[0] ?? null);
  const play = (name: string, whose?: string) => speaker.play(name as unknown as MediaStreamTrack, whose);
  play("bot");
  await speaker.choose("headphones");
  play("grace", "g1");
  play("grace again", "g1");
  assert.deepEqual(played(), ["bot", "grace again"]);
  assert.deepEqual(
    elements.map(({ device }) => device),
    ["headphones", "headphones"],
  );
  speaker.silence("g1");
  assert.deepEqual(played(), ["bot", null]);
  speaker.stop();
  assert.deepEqual(played(), [null, null]);
});
