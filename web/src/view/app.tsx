// The page: put together from a call, a sign-in and a configuration, whatever states they are in.
import { useSignal } from "@preact/signals";
import type { Config } from "../config.ts";
import type { TransportName } from "../model.ts";
import type { SignIn } from "../sign_in/sign_in.ts";
import { Announcer } from "./announcer.tsx";
import { type Action, actionOf, isUnderWay } from "./call_words.ts";
import { Diagnostics, type DiagnosticsProps } from "./diagnostics.tsx";
import { Logo } from "./icons.tsx";
import { LatencyStrip } from "./latency_strip.tsx";
import { Settings } from "./settings.tsx";
import { Stage } from "./stage.tsx";
import { SignInScreen } from "./start_screens.tsx";
import { Transcript } from "./transcript.tsx";

export interface AppProps extends DiagnosticsProps {
  readonly config: Config;
  /** null where the API is open to everybody. */
  readonly signIn: SignIn | null;
}

function Top({
  name,
  signIn,
  locked,
}: {
  readonly name: string;
  readonly signIn: SignIn | null;
  readonly locked: boolean;
}) {
  const user = signIn?.user.value ?? null;
  return (
    <header class="top">
      <Logo />
      <h1>{name}</h1>
      {signIn === null || user === null ? null : (
        <div class="user">
          <span class="user-name" title={user}>
            {user}
          </span>
          <button type="button" class="button quiet" disabled={locked} onClick={() => void signIn.signOut()}>
            Sign out
          </button>
        </div>
      )}
    </header>
  );
}

function CallPage(props: AppProps) {
  const { config, call, signIn } = props;
  const transport = useSignal<TransportName>(config.transports[0] ?? "webrtc");
  const remember = useSignal(false);
  const state = call.state.value;
  const signedOut = signIn !== null && signIn.user.value === null;
  const press = (action: Action) => {
    if (action === "hang-up") return void call.hangUp();
    if (action === "sign-in") return void signIn?.signIn();
    void call.start({ transport: transport.peek(), remember: config.memory && remember.peek() });
  };
  return (
    <div class="page">
      <Top name={config.name} signIn={signIn} locked={isUnderWay(state)} />
      <main class="call" data-state={state.name} data-under-way={isUnderWay(state) ? "" : undefined}>
        <div class="column">
          <Stage
            call={call}
            action={actionOf(state, signedOut)}
            problem={signIn?.problem.value ?? null}
            onPress={press}
          />
          <Settings config={config} call={call} transport={transport} remember={remember} />
        </div>
        <div class="column">
          <Transcript call={call} />
          <LatencyStrip call={call} />
        </div>
        <Diagnostics {...props} />
        <Announcer call={call} />
      </main>
    </div>
  );
}

export function App(props: AppProps) {
  const { config, call, signIn } = props;
  if (signIn !== null && signIn.user.value === null && call.state.value.name === "idle") {
    return <SignInScreen name={config.name} signIn={signIn} />;
  }
  return <CallPage {...props} />;
}
