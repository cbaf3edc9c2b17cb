// The large round button, and the rings around it that show by shape, motion and colour what the call does.
import { useRef } from "preact/hooks";
import type { Call } from "../model.ts";
import { ACTION_NAMES, type Action } from "./call_words.ts";
import { CallIcon, HangUpIcon, PersonIcon } from "./icons.tsx";
import { useLevels } from "./levels.ts";

const BARS = 60;

/** How far a bar follows the bot's level: uneven like a voice, and without a seam. */
function reach(bar: number): string {
  const angle = (bar / BARS) * 2 * Math.PI;
  const waves =
    Math.abs(Math.sin(angle * 4)) + 0.7 * Math.abs(Math.cos(angle * 7)) + 0.5 * Math.abs(Math.sin(angle * 11));
  return (0.3 + 0.35 * waves).toFixed(2);
}

const BAR_NUMBERS = Array.from({ length: BARS }, (_, bar) => bar);

/** All rings at once; the style sheet shows those of the state. */
function Rings() {
  return (
    <svg class="rings" viewBox="0 0 320 320" aria-hidden="true" focusable="false">
      <circle class="track" cx="160" cy="160" r="104" />
      <g class="waves">
        <circle cx="160" cy="160" r="104" />
        <circle cx="160" cy="160" r="104" />
        <circle cx="160" cy="160" r="104" />
      </g>
      <g class="bars">
        {BAR_NUMBERS.map((bar) => (
          <g key={bar} transform={`rotate(${(bar * 360) / BARS} 160 160)`}>
            <rect x="158" y="6" width="4" height="52" rx="2" style={{ "--reach": reach(bar) }} />
          </g>
        ))}
      </g>
      <circle class="dots" cx="160" cy="160" r="104" />
      <circle class="arc" cx="160" cy="160" r="104" />
      <circle class="broken" cx="160" cy="160" r="104" />
    </svg>
  );
}

function ActionIcon({ action }: { readonly action: Action }) {
  if (action === "hang-up") return <HangUpIcon />;
  return action === "sign-in" ? <PersonIcon /> : <CallIcon />;
}

interface CallButtonProps {
  readonly call: Call;
  readonly action: Action;
  readonly onPress: (action: Action) => void;
}

export function CallButton({ call, action, onPress }: CallButtonProps) {
  const orb = useRef<HTMLDivElement>(null);
  useLevels(call, (levels) => {
    orb.current?.style.setProperty("--caller", levels.caller.toFixed(3));
    orb.current?.style.setProperty("--bot", levels.bot.toFixed(3));
  });
  const press = (event: MouseEvent) => {
    // The second half of a double click would hang up what the first half began.
    if (event.detail < 2) onPress(action);
  };
  return (
    <div class="orb" ref={orb} data-muted={call.muted.value ? "" : undefined}>
      <div class="glow" />
      <Rings />
      <button type="button" class="call-button" data-action={action} onClick={press}>
        <ActionIcon action={action} />
        <span class="call-button-name">{ACTION_NAMES[action]}</span>
      </button>
    </div>
  );
}
