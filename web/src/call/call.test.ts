// The states of a call, with everything around it played by the test.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { ConnectApi } from "../api/connect_api.ts";
import type { Config } from "../config.ts";
import type { Call } from "../model.ts";
import { type CallBrowser, createCall } from "./call.ts";
import { CallFailure, failure } from "./failures.ts";
import type { LineEvents } from "./line.ts";

const config: Config = {
  name: "t",
  apiUrl: "https://api.example",
  transports: ["websocket"],
  signIn: null,
  reconnectGraceSeconds: 30,
  memory: false,
};
const fails = (kind: Parameters<typeof failure>[0]) => new CallFailure(failure(kind));

/** The calls of a test, so that none runs on. */
const calls: Call[] = [];
afterEach(() => Promise.all(calls.splice(0).map((call) => call.hangUp())));

interface Stage {
  readonly call: Call;
  readonly events: () => LineEvents;
  /** What was asked of the API and of the line, in order. */
  readonly asked: string[];
  readonly names: string[];
  leave(): void;
}

function stage(
  plays: {
    microphone?: Error;
    start?: Error;
    started?: Promise<void>;
    open?: Error;
    resume?: () => Promise<void>;
  } = {},
): Stage {
  const asked: string[] = [];
  let events: LineEvents | undefined;
  let leave = (): void => undefined;
  const api = {
    endSession: async (id: string) => void asked.push(`end ${id}`),
    abandonSession: (id: string) => void asked.push(`abandon ${id}`),
    keepToken: async () => undefined,
  } as unknown as ConnectApi;
  const does = (what: string, error?: Error) => async () => {
    asked.push(what);
    if (error) {
      throw error;
    }
  };
  const track = { getSettings: () => ({ deviceId: "m1" }) } as MediaStreamTrack;
  const page = {
    loadLine: async () => (options: { events: LineEvents }) => {
      events = options.events;
      return {
        start: async () => {
          await does("start", plays.start)();
          await plays.started;
          return "s1";
        },
        open: does("open", plays.open),
        resume: async () => {
          asked.push("resume");
          await plays.resume?.();
        },
        useMicrophone: async () => undefined,
        setMuted: (muted: boolean) => void asked.push(`others told ${muted}`),
        invite: async () => "https://d.daily.co/r?t=1",
        close: does("close"),
      };
    },
    createMicrophone: () => ({
      track,
      open: async () => does("microphone", plays.microphone)().then(() => track),
      setMuted: (muted: boolean) => void asked.push(`muted ${muted}`),
      close: () => void asked.push("microphone off"),
    }),
    createSpeaker: () => ({
      play: ({ id }: MediaStreamTrack, whose = "the bot") => void asked.push(`play ${id} of ${whose}`),
      silence: (whose: string) => void asked.push(`silence ${whose}`),
      choose: async () => undefined,
      stop: () => undefined,
    }),
    createContext: () => ({ resume: async () => undefined, close: async () => undefined }),
    meterTrack: () => () => undefined,
    listDevices: async () => [],
    watchDevices: () => undefined,
    watchLeaving: (onLeave: () => void) => {
      leave = onLeave;
    },
    pause: async () => undefined,
  } as unknown as CallBrowser;
  const call = createCall({ config, accessToken: async () => null }, page, api);
  calls.push(call);
  const names: string[] = [];
  call.state.subscribe(({ name }) => names.push(name));
  return { call, asked, names, events: () => events as LineEvents, leave: () => leave() };
}

const begin = ({ call }: Stage) => call.start({ transport: "websocket", remember: false });
const settled = () => new Promise((resolve) => setTimeout(resolve));

function failed({ call }: Stage): string {
  const state = call.state.value;
  return state.name === "failed" ? state.failure.kind : state.name;
}

function notices({ call }: Stage): number {
  return call.transcript.value.filter(({ speaker }) => speaker === "notice").length;
}

test("a call is asked for, connected, talked on and hung up, and its session ended", async () => {
  const it = stage();
  await begin(it);
  it.events().botSpeaking(true);
  it.events().botSpeaking(false);
  await it.call.hangUp();
  assert.deepEqual(it.names, ["idle", "asking", "connecting", "listening", "speaking", "listening", "ended"]);
  for (const done of ["end s1", "close", "microphone off"]) {
    assert.ok(it.asked.includes(done), done);
  }
});

test("the session is asked for while the caller is asked for the microphone", async () => {
  const it = stage();
  const starting = begin(it);
  await Promise.resolve();
  assert.equal(it.call.state.value.name, "asking");
  await starting;
  assert.ok(it.asked.indexOf("start") < it.asked.indexOf("open"));
});

test("what fails on the way in is told, and nothing is left running", async () => {
  const denied = stage({ microphone: fails("microphone-denied") });
  await begin(denied);
  await settled();
  assert.equal(failed(denied), "microphone-denied");
  assert.ok(denied.asked.includes("end s1"), "its session is ended though it came after the failure");
  const refused = stage({ start: fails("refused") });
  await begin(refused);
  assert.equal(failed(refused), "refused");
  const relay = stage({ open: fails("no-relay") });
  await begin(relay);
  assert.equal(failed(relay), "no-relay");
  assert.ok(relay.asked.includes("end s1"));
});

test("a session that comes after the caller hung up is ended", async () => {
  let arrive = (): void => undefined;
  const started = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const it = stage({ started });
  const starting = begin(it);
  await settled();
  await it.call.hangUp();
  assert.ok(!it.asked.includes("end s1"));
  arrive();
  await starting;
  assert.ok(it.asked.includes("end s1") && !it.asked.includes("open"));
  assert.equal(it.call.state.value.name, "ended");
});

test("a lost call comes back, keeps its transcript and says so; and again after the next loss", async () => {
  const it = stage();
  await begin(it);
  it.events().callerSaid("Hello.", true);
  for (const expected of [2, 4]) {
    it.events().lost();
    assert.equal(it.call.state.value.name, "reconnecting");
    await settled();
    assert.equal(it.call.state.value.name, "listening");
    assert.equal(notices(it), expected);
  }
  assert.equal(it.call.transcript.value[0]?.text, "Hello.");
  assert.equal(it.asked.filter((what) => what === "resume").length, 2);
});

test("one attempt is all: a call that can't be restored is dropped, and says so in the transcript", async () => {
  const it = stage({ resume: async () => Promise.reject(fails("refused")) });
  await begin(it);
  it.events().lost();
  await settled();
  assert.equal(failed(it), "dropped");
  assert.equal(notices(it), 2);
  assert.equal(it.asked.filter((what) => what === "resume").length, 1);
});

test("while the network is away it waits, but not longer than the agent does", async () => {
  let away = 3;
  const back = stage({ resume: async () => (away-- > 0 ? Promise.reject(fails("unreachable")) : undefined) });
  await begin(back);
  back.events().lost();
  await settled();
  assert.equal(back.call.state.value.name, "listening");
  const never = stage({ resume: async () => Promise.reject(fails("unreachable")) });
  await begin(never);
  never.events().lost();
  await settled();
  assert.equal(failed(never), "dropped");
  const attempts = never.asked.filter((what) => what === "resume").length;
  assert.ok(attempts > 10 && attempts < 40, `${attempts} attempts`);
});

test("a bot that ends the call, hands it to a human or breaks is told apart", async () => {
  const sentence = (it: Stage) => (it.call.state.value.name === "ended" ? it.call.state.value.sentence : failed(it));
  const normal = stage();
  await begin(normal);
  normal.events().ended({ by: "bot" });
  assert.match(sentence(normal), /agent ended the call/);
  const human = stage();
  await begin(human);
  human.events().serverMessage({ type: "transfer-to-human", reason: "asked" });
  human.events().ended({ by: "bot" });
  assert.match(sentence(human), /transferred you to a human/);
  const broken = stage();
  await begin(broken);
  broken.events().botErred();
  broken.events().ended({ by: "bot" });
  assert.equal(sentence(broken), "bot-failed");
});

test("a guest comes by a link, is heard beside the bot, and goes", async () => {
  const it = stage();
  const invite = () => it.call.invite.value;
  assert.equal(invite(), null);
  await begin(it);
  assert.equal(await invite()?.(), "https://d.daily.co/r?t=1");
  const guest = { id: "g1", name: "Grace" };
  it.events().guestJoined(guest);
  it.events().guestTrack(guest, { id: "t1" } as MediaStreamTrack);
  it.events().guestLeft(guest);
  assert.deepEqual(it.asked.slice(-2), ["play t1 of g1", "silence g1"]);
  assert.deepEqual(
    it.call.transcript.value.map(({ text }) => text),
    ["Grace has joined the call.", "Grace has left the call."],
  );
  await it.call.hangUp();
  assert.equal(invite(), null);
});

test("a line that tells others who is muted is told, also of a mute before it was open", async () => {
  const it = stage();
  const starting = begin(it);
  it.call.setMuted(true);
  await starting;
  it.call.setMuted(false);
  const told = it.asked.filter((what) => what.startsWith("others told"));
  assert.deepEqual(told, ["others told true", "others told false"]);
});

test("a former call is not heard in the next one", async () => {
  const it = stage();
  await begin(it);
  const former = it.events();
  await it.call.hangUp();
  await begin(it);
  former.lost();
  former.callerSaid("late", true);
  assert.equal(it.call.state.value.name, "listening");
  assert.deepEqual(it.call.transcript.value, []);
});

test("a page that is left ends its session, and only then", async () => {
  const it = stage();
  it.leave();
  await begin(it);
  assert.ok(!it.asked.some((what) => what.startsWith("abandon")));
  it.leave();
  assert.ok(it.asked.includes("abandon s1"));
  await it.call.hangUp();
});
