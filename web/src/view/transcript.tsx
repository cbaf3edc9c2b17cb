// Both sides of the conversation in writing; it follows the end unless its reader has scrolled up.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Call, TranscriptLine } from "../model.ts";
import { showsEnd, speakerName } from "./attention.ts";
import { DownIcon } from "./icons.tsx";

interface LineProps {
  readonly line: TranscriptLine;
  /** The line above is of the same speaker, whose name need not be shown again. */
  readonly goesOn: boolean;
}

function Line({ line, goesOn }: LineProps) {
  return (
    <div
      class="line"
      data-speaker={line.speaker}
      data-interim={line.interim ? "true" : undefined}
      data-goes-on={goesOn ? "" : undefined}
    >
      <span class="speaker">{speakerName(line)}</span>
      <p>{line.text}</p>
    </div>
  );
}

function goesOn(above: TranscriptLine | undefined, line: TranscriptLine): boolean {
  return above !== undefined && above.speaker === line.speaker && above.name === line.name;
}

export function Transcript({ call }: { readonly call: Call }) {
  const log = useRef<HTMLDivElement>(null);
  const follows = useSignal(true);
  const lines = call.transcript.value;
  useLayoutEffect(() => {
    if (follows.peek() && log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [lines]);
  useEffect(() => {
    const element = log.current;
    if (element === null) return;
    // A turned phone or another panel that opens moves the end out of sight, without a scroll.
    const observer = new ResizeObserver(() => {
      if (follows.peek()) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [follows]);
  const goToEnd = () => {
    follows.value = true;
    log.current?.scrollTo({ top: log.current.scrollHeight });
    log.current?.focus({ preventScroll: true });
  };
  return (
    <section class="panel transcript" data-empty={lines.length === 0 ? "" : undefined}>
      <h2>Transcript</h2>
      <div
        class="log"
        ref={log}
        role="log"
        aria-label="Transcript"
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={(event) => {
          follows.value = showsEnd(event.currentTarget);
        }}
      >
        {lines.length === 0 ? (
          <p class="placeholder">What you say and what the bot answers appears here, word by word.</p>
        ) : (
          lines.map((line, index) => <Line key={line.id} line={line} goesOn={goesOn(lines[index - 1], line)} />)
        )}
      </div>
      {follows.value ? null : (
        <button type="button" class="button to-end" onClick={goToEnd}>
          <DownIcon />
          <span>Latest words</span>
        </button>
      )}
    </section>
  );
}
