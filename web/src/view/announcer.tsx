// The one polite live region: states and final lines, never interim words.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Call } from "../model.ts";
import { newFinalLines, spokenState } from "./attention.ts";

const KEPT = 6;

export function Announcer({ call }: { readonly call: Call }) {
  const told = useSignal<readonly { readonly id: number; readonly text: string }[]>([]);
  useEffect(() => {
    let number = 0;
    let seen = new Set(call.transcript.peek().map((line) => line.id));
    const tell = (text: string) => {
      number += 1;
      told.value = [...told.peek(), { id: number, text }].slice(-KEPT);
    };
    let last = call.state.peek().name;
    const stopState = call.state.subscribe((state) => {
      if (state.name === last) return;
      last = state.name;
      const text = spokenState(state, call.muted.peek());
      if (text !== null) tell(text);
    });
    const stopLines = call.transcript.subscribe((lines) => {
      if (lines.length === 0) seen = new Set();
      for (const text of newFinalLines(lines, seen)) tell(text);
    });
    return () => {
      stopState();
      stopLines();
    };
  }, [call, told]);
  return (
    <div class="visually-hidden" aria-live="polite" aria-relevant="additions">
      {told.value.map((entry) => (
        <p key={entry.id}>{entry.text}</p>
      ))}
    </div>
  );
}
