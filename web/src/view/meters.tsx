// Two level meters: what goes out and what comes in, so that a silent call shows which side is silent.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { Call, Levels } from "../model.ts";
import { MicrophoneIcon, MutedIcon, SpeakerIcon } from "./icons.tsx";
import { useLevels } from "./levels.ts";

interface MeterProps {
  readonly call: Call;
  readonly side: keyof Levels;
  readonly name: string;
  readonly children: ComponentChildren;
}

function Meter({ call, side, name, children }: MeterProps) {
  const bar = useRef<HTMLDivElement>(null);
  useLevels(call, (levels) => {
    bar.current?.style.setProperty("--level", levels[side].toFixed(3));
    // In steps of five: a screen reader that reads it need not read each frame.
    bar.current?.setAttribute("aria-valuenow", String(Math.round(levels[side] * 20) * 5));
  });
  return (
    <div class="meter" data-side={side}>
      {children}
      <span aria-hidden="true">{name}</span>
      {/* biome-ignore lint/a11y/useSemanticElements: a meter element can't be styled alike in all browsers */}
      <div
        class="meter-bar"
        ref={bar}
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={0}
      >
        <div class="meter-fill" />
      </div>
    </div>
  );
}

export function Meters({ call }: { readonly call: Call }) {
  return (
    <div class="meters">
      <Meter call={call} side="caller" name="Your voice">
        {call.muted.value ? <MutedIcon /> : <MicrophoneIcon />}
      </Meter>
      <Meter call={call} side="bot" name="The bot's voice">
        <SpeakerIcon />
      </Meter>
    </div>
  );
}
