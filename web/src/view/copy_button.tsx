// Copies a text, and where the browser forbids that, shows it to be copied by hand.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { WhyNot } from "./alert.tsx";

interface CopyButtonProps {
  /** Rejects where there is nothing to copy; that is told. */
  readonly text: () => string | Promise<string>;
  readonly done: string;
  readonly children: ComponentChildren;
}

export function CopyButton({ text, done, children }: CopyButtonProps) {
  const copying = useSignal(false);
  const copied = useSignal(false);
  const byHand = useSignal<string | null>(null);
  const failed = useSignal<unknown>(null);
  const press = async () => {
    copying.value = true;
    copied.value = false;
    byHand.value = null;
    failed.value = null;
    try {
      const copy = await text();
      copied.value = await written(copy);
      byHand.value = copied.value ? null : copy;
    } catch (error) {
      failed.value = error;
    } finally {
      copying.value = false;
    }
  };
  return (
    <>
      <button type="button" class="button" disabled={copying.value} onClick={() => void press()}>
        {children}
      </button>
      <span class="copied" role="status">
        {copied.value ? done : ""}
      </span>
      {failed.value === null ? null : <WhyNot error={failed.value} />}
      {byHand.value === null ? null : (
        <label class="by-hand">
          <span>Your browser does not let the page copy. Copy it from here:</span>
          <textarea readOnly rows={10} value={byHand.value} onFocus={(event) => event.currentTarget.select()} />
        </label>
      )}
    </>
  );
}

async function written(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // what is to be done then is shown
  }
}
