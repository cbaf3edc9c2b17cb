// What went wrong: a sentence, what to do about it, and what the operator needs to find it.
import { CallFailure } from "../call/failures.ts";
import type { Failure } from "../model.ts";
import { WarningIcon } from "./icons.tsx";

interface AlertProps {
  readonly sentence: string;
  readonly advice?: string;
  readonly requestId?: string;
}

export function Alert({ sentence, advice, requestId }: AlertProps) {
  return (
    <div class="alert" role="alert">
      <WarningIcon />
      <div>
        <p class="alert-sentence">{sentence}</p>
        {advice === undefined ? null : <p>{advice}</p>}
        {requestId === undefined ? null : (
          <p class="request-id">
            Request <code>{requestId}</code>
          </p>
        )}
      </div>
    </div>
  );
}

export function FailureAlert({ failure }: { readonly failure: Failure }) {
  const { sentence, advice, requestId } = failure;
  return <Alert sentence={sentence} advice={advice} {...(requestId === undefined ? {} : { requestId })} />;
}

/** Whatever was thrown. */
export function WhyNot({ error }: { readonly error: unknown }) {
  if (error instanceof CallFailure) return <FailureAlert failure={error.failure} />;
  return <Alert sentence={error instanceof Error ? error.message : String(error)} />;
}
