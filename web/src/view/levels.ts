// Levels as the eye likes them: quick to rise, slow to fall, painted only while they change.
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Call, Levels } from "../model.ts";

const RISE = 0.5;
const FALL = 0.14;
const SETTLED = 0.004;

/** One frame's step from what is shown towards what is heard. */
export function approach(shown: number, heard: number): number {
  const next = shown + (heard - shown) * (heard > shown ? RISE : FALL);
  return Math.abs(heard - next) < SETTLED ? heard : next;
}

/** Calls `paint` for each frame in which a level moves; `paint` writes to elements, so that nothing is rendered anew. */
export function useLevels(call: Call, paint: (levels: Levels) => void): void {
  useEffect(() => {
    let shown: Levels = { caller: 0, bot: 0 };
    let frame = 0;
    const step = () => {
      const heard = call.levels.peek();
      shown = { caller: approach(shown.caller, heard.caller), bot: approach(shown.bot, heard.bot) };
      paint(shown);
      const settled = shown.caller === heard.caller && shown.bot === heard.bot;
      frame = settled ? 0 : requestAnimationFrame(step);
    };
    const stop = effect(() => {
      if (call.levels.value && frame === 0) frame = requestAnimationFrame(step);
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [call]);
}
