// What people see where no call can be placed yet: the sign-in, and a page that can't start.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { SignIn } from "../sign_in/sign_in.ts";
import { Alert } from "./alert.tsx";
import { Logo } from "./icons.tsx";

function StartScreen({ state, children }: { readonly state: string; readonly children: ComponentChildren }) {
  return (
    <main class="start" data-state={state}>
      <div class="start-art" aria-hidden="true">
        <span />
        <span />
        <span />
        <Logo />
      </div>
      {children}
    </main>
  );
}

export function SignInScreen({ name, signIn }: { readonly name: string; readonly signIn: SignIn }) {
  const going = useSignal(false);
  const problem = signIn.problem.value;
  const press = async () => {
    going.value = true;
    await signIn.signIn();
    going.value = false;
  };
  return (
    <StartScreen state="signed-out">
      <h1>Talk to {name}</h1>
      <p class="lead">A voice agent is on the line. Sign in, press Call, and speak.</p>
      {problem === null ? null : <Alert sentence={problem} />}
      <button type="button" class="button primary" disabled={going.value} onClick={() => void press()}>
        Sign in
      </button>
      <p class="note">Your browser asks for the microphone only when you call.</p>
    </StartScreen>
  );
}

/** `sentence`: what is wrong and what to do, for whoever may be reading. */
export function CannotStart({ sentence, onRetry }: { readonly sentence: string; readonly onRetry: () => void }) {
  return (
    <StartScreen state="failed">
      <h1>This page can't start</h1>
      <Alert sentence={sentence} />
      <button type="button" class="button primary" onClick={onRetry}>
        Try again
      </button>
    </StartScreen>
  );
}
