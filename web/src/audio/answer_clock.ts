// Times answers as the caller hears them: from the end of their own speech to the bot's first sound.
import { createVoice } from "./voice.ts";

/** Words are longer, and clicks, keys and knocks shorter. */
const CALLER_MINIMUM_MILLISECONDS = 100;
const BOT_MINIMUM_MILLISECONDS = 40;
/** Between the sounds of a word; a longer pause is one in a sentence, or its end. */
const CALLER_PAUSE_MILLISECONDS = 150;
/** Between the sounds of one answer. */
const BOT_PAUSE_MILLISECONDS = 250;
/** How long the bot's sound may linger in the microphone: loudspeaker, room and buffers. */
const ECHO_MILLISECONDS = 200;
/** No bot hears an end of speech sooner: it spoke while the caller did. */
const SHORTEST_ANSWER_MILLISECONDS = 100;
/** What comes later is no answer, it asks whether the caller is still there. */
const LONGEST_ANSWER_MILLISECONDS = 10_000;

/**
 * Takes the loudness (root mean square, 0 to 1) of both sides, each with the moment (milliseconds, of one clock) up to
 * which the sample reaches, and calls `onAnswer` once an answer. A greeting is none, nor is what the bot goes on to
 * say.
 *
 * Leave the caller's samples out while the microphone is muted: its zeros would pass for the noise of the room.
 *
 * What the microphone hears while the bot sounds may be the bot, so it never counts as the caller's: one who talks over
 * the bot counts from the moment at which the bot gives way.
 */
export function createAnswerClock(onAnswer: (milliseconds: number) => void): {
  caller(rms: number, at: number): void;
  bot(rms: number, at: number): void;
} {
  const callerVoice = createVoice({ minimum: CALLER_MINIMUM_MILLISECONDS, pause: CALLER_PAUSE_MILLISECONDS });
  const botVoice = createVoice({ minimum: BOT_MINIMUM_MILLISECONDS, pause: BOT_PAUSE_MILLISECONDS });
  /** Last loud sample of the caller that no answer has followed yet. */
  let endedAt: number | null = null;
  let botLoudAt = Number.NEGATIVE_INFINITY;

  function answer(startedAt: number): void {
    const milliseconds = endedAt === null ? 0 : startedAt - endedAt;
    endedAt = null;
    if (milliseconds >= SHORTEST_ANSWER_MILLISECONDS && milliseconds <= LONGEST_ANSWER_MILLISECONDS)
      onAnswer(milliseconds);
  }

  return {
    caller(rms, at) {
      const mayBeEcho = at - botLoudAt <= ECHO_MILLISECONDS;
      const voice = callerVoice.hear(rms, at, mayBeEcho);
      if (voice) endedAt = voice.loudAt;
    },
    bot(rms, at) {
      const voice = botVoice.hear(rms, at);
      if (botVoice.loud()) botLoudAt = at;
      if (voice) answer(voice.startedAt);
    },
  };
}
