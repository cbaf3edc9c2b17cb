// The middle of the page: what the call does, the button, mute, the meters, and what went wrong.
import { useEffect } from "preact/hooks";
import type { Call } from "../model.ts";
import { Alert, FailureAlert } from "./alert.tsx";
import { CallButton } from "./call_button.tsx";
import { type Action, isLive, wordsOf } from "./call_words.ts";
import { MicrophoneIcon, MutedIcon } from "./icons.tsx";
import { Meters } from "./meters.tsx";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea, [contenteditable]") !== null;
}

/** "m" mutes and unmutes while there is a conversation, unless it is typed into a field. */
function useMuteKey(call: Call): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const modified = event.ctrlKey || event.metaKey || event.altKey || event.repeat;
      if (event.key.toLowerCase() !== "m" || modified || isTyping(event.target) || !isLive(call.state.peek())) return;
      call.setMuted(!call.muted.peek());
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [call]);
}

function MuteButton({ call }: { readonly call: Call }) {
  const muted = call.muted.value;
  return (
    <button
      type="button"
      class="button mute"
      aria-keyshortcuts="m"
      data-muted={muted ? "" : undefined}
      onClick={() => call.setMuted(!muted)}
    >
      {muted ? <MutedIcon /> : <MicrophoneIcon />}
      <span>{muted ? "Unmute" : "Mute"}</span>
      <span class="key" aria-hidden="true">
        M
      </span>
    </button>
  );
}

interface StageProps {
  readonly call: Call;
  readonly action: Action;
  /** Why a sign-in ended or did not come about. */
  readonly problem: string | null;
  readonly onPress: (action: Action) => void;
}

export function Stage({ call, action, problem, onPress }: StageProps) {
  useMuteKey(call);
  const state = call.state.value;
  const words = wordsOf(state, call.muted.value);
  return (
    <section class="stage" aria-label="Call">
      <div class="words">
        <p class="headline" data-headline>
          {words.headline}
        </p>
        {words.detail === "" ? null : <p class="detail">{words.detail}</p>}
      </div>
      {state.name === "failed" ? <FailureAlert failure={state.failure} /> : null}
      {action === "sign-in" && problem !== null ? <Alert sentence={problem} /> : null}
      <CallButton call={call} action={action} onPress={onPress} />
      <div class="talk">
        {isLive(state) ? <MuteButton call={call} /> : null}
        <Meters call={call} />
      </div>
    </section>
  );
}
