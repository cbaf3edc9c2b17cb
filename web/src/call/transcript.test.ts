// Lines as a reader wants them, whatever pieces they came in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTranscript, type Transcript } from "./transcript.ts";

function read(transcript: Transcript): string[] {
  return transcript.lines.map(({ speaker, text, interim }) => `${speaker}${interim ? "~" : ":"} ${text}`);
}

const fresh = () => createTranscript(() => undefined);
const coming = (id: number, text: string) => ({ text, segment_id: id, spoken_status: "new" as const });
const spoken = (id: number, text: string) => ({ text, segment_id: id, spoken_status: "completed" as const });

test("interim words are replaced by those that follow, and stay one line", () => {
  const transcript = fresh();
  transcript.callerSaid("count", false);
  assert.deepEqual(read(transcript), ["caller~ count"]);
  transcript.callerSaid("count to", false);
  transcript.callerSaid("Count to four.", true);
  transcript.callerSaid("And back.", true);
  assert.deepEqual(read(transcript), ["caller: Count to four. And back."]);
});

test("sentences of one answer are one line, which is interim until all is spoken", () => {
  const transcript = fresh();
  transcript.botSays(coming(1, "Hello."));
  transcript.botSays(coming(2, "How are you?"));
  transcript.botSays(spoken(1, "Hello."));
  assert.deepEqual(read(transcript), ["bot~ Hello. How are you?"]);
  transcript.botSays(spoken(2, "How are you?"));
  assert.deepEqual(read(transcript), ["bot: Hello. How are you?"]);
});

test("an interrupted answer keeps what was spoken, and no sentence that was not begun", () => {
  const transcript = fresh();
  transcript.botSays(spoken(1, "One."));
  transcript.botSays({
    ...coming(2, "Two and three."),
    spoken_status: "in-progress",
    spoken_progress: { accumulated_text: "Two and", remaining_text: "three." },
  });
  transcript.botSays(coming(3, "Four."));
  transcript.botFellSilent();
  assert.deepEqual(read(transcript), ["bot: One. Two and …"]);
});

test("where no words are told one by one, the sentence that was being spoken stays", () => {
  const transcript = fresh();
  transcript.botSays(coming(1, "Welcome."));
  transcript.botFellSilent();
  assert.deepEqual(read(transcript), ["bot: Welcome. …"]);
  transcript.botSays(spoken(1, "Welcome."));
  assert.deepEqual(read(transcript), ["bot: Welcome."]);
});

test("a guest's words are lines of their own, under their name", () => {
  const transcript = fresh();
  const named = () => transcript.lines.map(({ name = "caller", text }) => `${name}: ${text}`);
  transcript.callerSaid("Ask her", false);
  transcript.callerSaid("Good", false, "Grace");
  transcript.callerSaid("No", false, "Alan");
  assert.deepEqual(named(), ["caller: Ask her", "Grace: Good", "Alan: No"]);
  transcript.callerSaid("Ask her.", true);
  transcript.callerSaid("Good morning.", true, "Grace");
  transcript.callerSaid("Not now.", true, "Alan");
  transcript.callerSaid("Thank you.", true);
  assert.deepEqual(named(), ["caller: Ask her.", "Grace: Good morning.", "Alan: Not now.", "caller: Thank you."]);
});

test("a notice stands between the lines and parts nobody's words", () => {
  const transcript = fresh();
  transcript.callerSaid("I would", true);
  transcript.notice("The connection is back.");
  transcript.callerSaid("like to know", true);
  transcript.botSays(spoken(1, "Yes."));
  transcript.callerSaid("Thanks.", true);
  assert.deepEqual(read(transcript), [
    "caller: I would like to know",
    "notice: The connection is back.",
    "bot: Yes.",
    "caller: Thanks.",
  ]);
});

test("lines keep their ids", () => {
  const transcript = fresh();
  transcript.callerSaid("a", false);
  const [before] = transcript.lines;
  transcript.callerSaid("A.", true);
  assert.equal(transcript.lines[0]?.id, before?.id);
});
