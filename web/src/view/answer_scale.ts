// The arithmetic of the latency strip: what is median, how high is a bar, which labels find room.
import type { Answer } from "../model.ts";

/** More bars than this are too thin to be told apart on a narrow phone. */
export const SHOWN_ANSWERS = 60;

/** How much room a bar has for its labels. */
export type Density = "few" | "some" | "many";

/** The middle value; of an even count the mean of the two in the middle, rounded. `null` of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? null : Math.round((lower + upper) / 2);
}

export interface Scale {
  /** The value at the top edge, milliseconds. */
  readonly top: number;
  /** Values of the gridlines, milliseconds, from low to high; the top is one of them. */
  readonly lines: readonly number[];
}

/** Starts at zero, so that a bar twice as high is twice as long a wait; one second is always in view. */
export function scaleOf(values: readonly number[]): Scale {
  const highest = Math.max(1000, ...values);
  const step = [500, 1000, 2000, 5000, 10_000, 30_000].find((candidate) => highest / candidate <= 3) ?? 60_000;
  const count = Math.ceil(highest / step);
  return { top: count * step, lines: Array.from({ length: count }, (_, index) => (index + 1) * step) };
}

export function densityOf(count: number): Density {
  if (count <= 6) return "few";
  return count <= 12 ? "some" : "many";
}

/** Whether the number of a turn is written under its bar. */
export function isNumbered(answer: Answer, density: Density): boolean {
  return density !== "many" || answer.number % 5 === 0;
}

/** The strip in words: "Answer times: 1: 745 ms, 2: 760 ms". */
export function stripName(answers: readonly Answer[]): string {
  if (answers.length === 0) return "Answer times: none yet";
  return `Answer times: ${answers.map((answer) => `${answer.number}: ${Math.round(answer.milliseconds)} ms`).join(", ")}`;
}

/** "500 ms", "2 s", "1.5 s": as short as a gridline's label must be. */
export function lineLabel(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${milliseconds / 1000} s`;
}
