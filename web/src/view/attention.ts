// What deserves a listener's or a reader's attention: new final lines, and whether the end of the log is in view.
import type { CallState, TranscriptLine } from "../model.ts";
import { wordsOf } from "./call_words.ts";

const SPEAKER_NAMES: Readonly<Record<TranscriptLine["speaker"], string>> = {
  caller: "You",
  bot: "Bot",
  guest: "Guest",
  notice: "Notice",
};

export function speakerName({ speaker, name }: TranscriptLine): string {
  return name || SPEAKER_NAMES[speaker];
}

/** Lines that became final since `told`, whose ids it then contains; interim words are never told. */
export function newFinalLines(lines: readonly TranscriptLine[], told: Set<number>): readonly string[] {
  const fresh = lines.filter((line) => !line.interim && !told.has(line.id));
  for (const line of fresh) told.add(line.id);
  return fresh.map((line) => `${speakerName(line)}: ${line.text}`);
}

/** A state for a screen reader; nothing for a failure, which is an alert of its own. */
export function spokenState(state: CallState, muted: boolean): string | null {
  if (state.name === "failed") return null;
  const { headline, detail } = wordsOf(state, muted);
  const isTurn = state.name === "listening" || state.name === "speaking";
  return isTurn ? headline : `${headline}. ${detail}`;
}

/** Whether a scrolled element shows its end, give or take a line of text. */
export function showsEnd(element: Pick<Element, "scrollTop" | "clientHeight" | "scrollHeight">): boolean {
  return element.scrollHeight - element.scrollTop - element.clientHeight < 32;
}
