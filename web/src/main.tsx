// Wires the page: configuration, sign-in and call into the view; call code is loaded after the first paint.
import { signal } from "@preact/signals";
import { render } from "preact";
import { createConnectApi } from "./api/connect_api.ts";
import { createCall, preloadCall } from "./call/call.ts";
import { type Config, loadConfig } from "./config.ts";
import { diagnosticsText } from "./diagnostics/text.ts";
import type { SelfTest } from "./model.ts";
import type { SignIn } from "./sign_in/sign_in.ts";
import { App } from "./view/app.tsx";
import { CannotStart } from "./view/start_screens.tsx";
import "./colours.css";
import "./page.css";
import "./stage.css";

const page = document.querySelector("#page") as HTMLElement;

async function signInOf(config: Config): Promise<SignIn | null> {
  if (config.signIn === null) return null;
  const { createSignIn } = await import("./sign_in/sign_in.ts");
  return createSignIn(config.signIn);
}

function show(config: Config, signIn: SignIn | null): void {
  const accessToken = async (refused?: string) => (signIn === null ? null : signIn.accessToken(refused));
  const call = createCall({ config, accessToken });
  const api = createConnectApi({ apiUrl: config.apiUrl, accessToken });
  const selfTest = signal<SelfTest | null>(null);
  const testNetwork = async () => {
    const [{ testRelays }, iceServers] = await Promise.all([import("./diagnostics/relay_test.ts"), api.iceServers()]);
    await testRelays(iceServers, selfTest);
  };
  const describe = () =>
    diagnosticsText({
      config,
      call: call.state.peek(),
      connection: call.connection.peek(),
      selfTest: selfTest.peek(),
      answers: call.answers.peek(),
      userAgent: navigator.userAgent,
      at: new Date(),
      sessionId: call.sessionId.peek(),
    });
  document.title = config.name;
  render(
    <App
      config={config}
      call={call}
      signIn={signIn}
      selfTest={selfTest}
      testNetwork={config.transports.includes("webrtc") ? testNetwork : null}
      diagnosticsText={describe}
    />,
    page,
  );
}

/** After the browser has painted what was rendered. */
function afterPaint(work: () => void): void {
  requestAnimationFrame(() => setTimeout(work));
}

async function start(): Promise<void> {
  try {
    const config = await loadConfig();
    show(config, await signInOf(config));
    afterPaint(() => void preloadCall(config));
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    render(<CannotStart sentence={sentence} onRetry={() => location.reload()} />, page);
  }
}

void start();
