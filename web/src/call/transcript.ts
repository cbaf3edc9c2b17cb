// Who said what, in lines that can be read, made of the pieces in which RTVI brings it.
import type { TranscriptLine } from "../model.ts";

/** RTVI's `bot-output` since protocol 2.0: a segment comes as "new", and again as its words are spoken. */
export interface BotOutput {
  readonly text: string;
  readonly segment_id?: number;
  readonly will_be_spoken?: boolean;
  readonly spoken_status?: "new" | "in-progress" | "completed";
  readonly spoken_progress?: { readonly accumulated_text: string; readonly remaining_text: string };
}

export interface Transcript {
  /** `guest`: the name of one who was invited, where it was not the caller. */
  callerSaid(text: string, final: boolean, guest?: string): void;
  botSays(output: BotOutput): void;
  /** The bot is silent: done, or interrupted. What it has not begun to say goes. */
  botFellSilent(): void;
  notice(text: string): void;
  readonly lines: readonly TranscriptLine[];
}

interface Segment {
  readonly spoken: string;
  readonly unspoken: string;
}

interface Turn {
  readonly id: number;
  readonly speaker: TranscriptLine["speaker"];
  readonly name: string | undefined;
  /** Of a caller: what is certain, and what may still change. */
  said: string;
  guess: string;
  /** Of the bot: by RTVI's id of a segment. */
  readonly segments: Map<number, Segment>;
}

export function createTranscript(onChange: (lines: readonly TranscriptLine[]) => void): Transcript {
  const turns: Turn[] = [];
  let lines: readonly TranscriptLine[] = [];
  let nextId = 1;

  const begin = (speaker: TranscriptLine["speaker"], name?: string): Turn => {
    const turn: Turn = { id: nextId++, speaker, name, said: "", guess: "", segments: new Map() };
    turns.push(turn);
    return turn;
  };
  const current = (speaker: TranscriptLine["speaker"], name?: string): Turn => {
    const last = turns.findLast((turn) => turn.speaker !== "notice");
    return last?.speaker === speaker && last.name === name ? last : begin(speaker, name);
  };
  const changed = (): void => {
    lines = turns.map(lineOf).filter(({ text }) => text !== "");
    onChange(lines);
  };

  return {
    callerSaid(text, final, guest) {
      const speaker = guest === undefined ? "caller" : "guest";
      // Words that are heard while the bot's turn has begun belong before it, if they are those that it answers.
      const open = turns.findLast((turn) => turn.speaker === speaker && turn.name === guest && turn.guess !== "");
      const turn = open ?? current(speaker, guest);
      turn.guess = final ? "" : text;
      turn.said = final ? joined(turn.said, text) : turn.said;
      changed();
    },
    botSays(output) {
      const id = output.segment_id ?? -1;
      const turn = turns.findLast(({ segments }) => segments.has(id)) ?? current("bot");
      turn.segments.set(id, segmentOf(output));
      changed();
    },
    botFellSilent() {
      for (const { segments } of turns) {
        for (const [id, segment] of cutShort([...segments])) {
          segments.set(id, segment);
        }
      }
      changed();
    },
    notice(text) {
      begin("notice").said = text;
      changed();
    },
    get lines() {
      return lines;
    },
  };
}

function segmentOf({ text, will_be_spoken, spoken_status, spoken_progress }: BotOutput): Segment {
  if (will_be_spoken === false || spoken_status === "completed") {
    return { spoken: text, unspoken: "" };
  }
  return {
    spoken: spoken_progress?.accumulated_text ?? "",
    unspoken: spoken_progress?.remaining_text ?? text,
  };
}

/**
 * What stays of segments when the bot falls silent. Where the agent tells no single words, the first segment that was
 * not finished has been heard in part, nobody knows how far.
 */
function cutShort(segments: readonly (readonly [number, Segment])[]): readonly (readonly [number, Segment])[] {
  const first = segments.findIndex(([, { unspoken }]) => unspoken !== "");
  return segments.slice(Math.max(0, first)).map(([id, { spoken, unspoken }], index) => {
    const inPart = unspoken !== "" && index === 0;
    return [id, { spoken: inPart ? `${spoken || unspoken} …` : spoken, unspoken: "" }];
  });
}

function lineOf({ id, speaker, name, said, guess, segments }: Turn): TranscriptLine {
  if (speaker !== "bot") {
    return { id, speaker, ...(name && { name }), text: joined(said, guess), interim: guess !== "" };
  }
  const parts = [...segments.values()];
  return {
    id,
    speaker,
    text: parts.flatMap(({ spoken, unspoken }) => [spoken, unspoken]).reduce(joined, ""),
    interim: parts.some(({ unspoken }) => unspoken !== ""),
  };
}

function joined(first: string, second: string): string {
  return `${first.trim()} ${second.trim()}`.trim();
}
