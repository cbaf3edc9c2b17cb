// A call in a Daily room, with Daily's call object played by the test: its events as documented, and not its network.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, mock, test } from "node:test";
import Daily from "@daily-co/daily-js";
import { signal } from "@preact/signals";
import type { ConnectApi } from "../api/connect_api.ts";
import type { ConnectionReport } from "../model.ts";
import { createDailyLine } from "./daily_line.ts";
import { CallFailure } from "./failures.ts";
import type { Line, LineEvents } from "./line.ts";

const BOT = { session_id: "b1", user_id: "agent", user_name: "agent", owner: true, local: false, tracks: {} };
const GUEST = { session_id: "g1", user_id: "guest-1", user_name: "Grace", owner: false, local: false, tracks: {} };
const track = (id: string) => ({ id, kind: "audio" }) as MediaStreamTrack;

// Pipecat's client asks it what browser it runs in.
Object.assign(globalThis, { window: { navigator } });

function later() {
  let resolve = (): void => undefined;
  let reject = (_: unknown): void => undefined;
  const promise = new Promise<void>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}

/** Daily's call object, whose code is loaded and whose room is joined when the test says so. */
class FakeCall extends EventEmitter {
  readonly asked: string[] = [];
  readonly loaded = later();
  readonly joined = later();
  state = "new";
  joinedWith: Record<string, unknown> = {};
  stats: Record<string, unknown> = {};

  load(): Promise<void> {
    if (this.state === "new") {
      this.asked.push("load");
      this.state = "loading";
    }
    return this.loaded.promise;
  }
  async join(options: Record<string, unknown>): Promise<void> {
    this.joinedWith = options;
    this.state = "joining-meeting";
    await this.joined.promise;
    this.state = "joined-meeting";
  }
  async leave(): Promise<void> {
    this.asked.push("leave");
  }
  async destroy(): Promise<void> {
    this.asked.push("destroy");
  }
  async setInputDevicesAsync({ audioSource }: { audioSource: MediaStreamTrack }): Promise<object> {
    this.asked.push(`microphone ${audioSource.id}`);
    return {};
  }
  sendAppMessage({ type }: { type: string }): void {
    this.asked.push(type);
    // The agent's answer to the page's client-ready.
    this.message("bot-ready", { version: "2.0.0" });
  }
  message(type: string, data: object): void {
    this.emit("app-message", { data: { label: "rtvi-ai", id: "1", type, data } });
  }
  meetingState = () => this.state;
  participants = () => (this.state === "joined-meeting" ? { local: { local: true } } : {});
  setLocalAudio = (on: boolean) => void this.asked.push(`audio ${on}`);
  getNetworkStats = async () => ({ stats: this.stats });
  room = async () => ({});
  stopLocalAudioLevelObserver = () => undefined;
  stopRemoteParticipantsAudioLevelObserver = () => undefined;
}

interface Stage {
  readonly line: Line;
  readonly daily: FakeCall;
  /** What became of the call, in order. */
  readonly heard: string[];
  readonly report: { value: ConnectionReport | null };
}

const lines: Line[] = [];
afterEach(async () => {
  await Promise.all(lines.splice(0).map((line) => line.close()));
  mock.restoreAll();
});

function stage(): Stage {
  const daily = new FakeCall();
  mock.method(Daily, "createCallObject", () => daily);
  const heard: string[] = [];
  const events: LineEvents = {
    lost: () => heard.push("lost"),
    ended: (end) => heard.push(end.by === "failure" ? end.failure.kind : `ended by ${end.by}`),
    botTrack: ({ id }) => heard.push(`bot ${id}`),
    botSpeaking: () => undefined,
    callerSaid: (text, _, guest) => heard.push(`${guest ?? "caller"}: ${text}`),
    botSays: () => undefined,
    serverMessage: () => undefined,
    guestJoined: ({ name }) => heard.push(`${name} joined`),
    guestTrack: ({ name }, { id }) => heard.push(`${name} ${id}`),
    guestLeft: ({ name }) => heard.push(`${name} left`),
    botErred: () => undefined,
  };
  const api = {
    startDaily: async () => ({ sessionId: "s1", dailyRoom: "https://d.daily.co/r", dailyToken: "t1" }),
    invite: async (id: string) => ({ sessionId: id, dailyRoom: "https://d.daily.co/r", dailyToken: "t+2" }),
  } as unknown as ConnectApi;
  const report = signal<ConnectionReport | null>(null);
  const line = createDailyLine({ api, body: {}, context: () => ({}) as AudioContext, events, report });
  lines.push(line);
  return { line, daily, heard, report };
}

/** A call in which the bot is ready. */
async function begun(): Promise<Stage> {
  const it = stage();
  await it.line.start();
  await it.line.useMicrophone(track("m1"));
  const opening = it.line.open(track("m1"));
  it.daily.loaded.resolve();
  it.daily.joined.resolve();
  await settled();
  it.daily.emit("participant-joined", { participant: BOT });
  it.daily.emit("track-started", { track: track("b"), participant: BOT });
  await opening;
  return it;
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

async function kindOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CallFailure, String(error));
  return error.failure.kind;
}

function fatal(daily: FakeCall, type: string, details?: object): void {
  daily.emit("error", { errorMsg: "no", error: { type, msg: "no", ...(details && { details }) } });
  daily.emit("left-meeting", {});
}

test("the room is joined with the caller's token and the page's microphone, without a camera or eval", async () => {
  const { daily, heard } = await begun();
  const { url, token, videoSource, dailyConfig } = daily.joinedWith;
  assert.deepEqual([url, token, videoSource], ["https://d.daily.co/r", "t1", false]);
  assert.deepEqual(dailyConfig, { avoidEval: true, useDevicePreferenceCookies: false });
  assert.deepEqual(daily.asked, ["microphone m1", "load", "client-ready"]);
  assert.deepEqual(heard, ["bot b"]);
});

test("Daily's code is loaded while the API is asked for a room", async () => {
  const { line, daily } = stage();
  await line.useMicrophone(track("m1"));
  await settled();
  assert.deepEqual(daily.asked, ["microphone m1", "load"]);
});

test("another microphone goes to Daily, and Daily tells the room who is muted", async () => {
  const { line, daily } = await begun();
  await line.useMicrophone(track("m2"));
  line.setMuted?.(true);
  line.setMuted?.(false);
  assert.deepEqual(daily.asked.slice(-3), ["microphone m2", "audio false", "audio true"]);
});

test("code that is blocked is told apart from a room that is gone, closed, or out of reach", async () => {
  for (const [type, details, kind] of [
    ["connection-error", { on: "load" }, "daily-blocked"],
    ["connection-error", { on: "join" }, "daily-failed"],
    ["connection-error", { on: "rtc-connection" }, "no-relay"],
    ["exp-room", undefined, "room-gone"],
    ["exp-token", undefined, "room-gone"],
    ["no-room", undefined, "room-gone"],
    ["not-allowed", undefined, "room-refused"],
    ["meeting-full", undefined, "room-refused"],
    ["ejected", undefined, "bot-failed"],
  ] as const) {
    const { line, daily, heard } = stage();
    await line.start();
    const opening = line.open(track("m1"));
    await settled();
    fatal(daily, type, details);
    assert.equal(await kindOf(opening), kind, `${type} ${details?.on}`);
    assert.deepEqual(heard, []);
  }
});

test("what fails before the line is opened is told when it is", async () => {
  const { line, daily } = stage();
  await line.useMicrophone(track("m1"));
  fatal(daily, "connection-error", { on: "load" });
  daily.loaded.reject("Failed to load call object bundle");
  assert.equal(await kindOf(line.open(track("m1"))), "daily-blocked");
});

test("whoever waits for too long is told for what", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const turns = async () => {
    for (let turn = 0; turn < 20; turn++) {
      await Promise.resolve();
    }
  };
  for (const [kind, reach] of [
    ["daily-blocked", () => undefined],
    ["no-relay", ({ daily }: Stage) => daily.loaded.resolve()],
    ["bot-missing", ({ daily }: Stage) => [daily.loaded.resolve(), daily.joined.resolve()]],
  ] as const) {
    const it = stage();
    await it.line.start();
    const opening = kindOf(it.line.open(track("m1")));
    reach(it);
    await turns();
    context.mock.timers.tick(30_000);
    assert.equal(await opening, kind);
  }
});

test("a call ends when the agent leaves or deletes the room, or the room expires", async () => {
  for (const [type, heard] of [
    ["ejected", "ended by bot"],
    ["no-room", "ended by bot"],
    ["exp-room", "ended by session"],
    ["exp-token", "ended by session"],
    ["connection-error", "dropped"],
  ] as const) {
    const it = await begun();
    fatal(it.daily, type);
    assert.deepEqual(it.heard.slice(1), [heard], type);
  }
  const left = await begun();
  left.daily.emit("participant-left", { participant: BOT });
  left.daily.emit("left-meeting", {});
  assert.deepEqual(left.heard.slice(1), ["ended by bot"]);
});

test("a guest is heard and named beside the bot, and may go without ending the call", async () => {
  const { daily, heard } = await begun();
  daily.emit("participant-joined", { participant: GUEST });
  daily.emit("track-started", { track: track("g"), participant: GUEST });
  daily.message("user-transcription", { text: "Hi", final: true, timestamp: "", user_id: "g1" });
  daily.message("user-transcription", { text: "Yes", final: true, timestamp: "", user_id: "me" });
  daily.emit("participant-left", { participant: GUEST });
  assert.deepEqual(heard.slice(1), ["Grace joined", "Grace g", "Grace: Hi", "caller: Yes", "Grace left"]);
});

test("an interruption is told when Daily has not mended it soon, and so is its end", async (context) => {
  const { line, daily, heard } = await begun();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const network = (event: string) => daily.emit("network-connection", { type: "sfu", event });
  network("interrupted");
  network("connected");
  context.mock.timers.tick(2000);
  assert.deepEqual(heard.slice(1), []);
  network("interrupted");
  context.mock.timers.tick(2000);
  assert.deepEqual(heard.slice(1), ["lost"]);
  const back = line.resume();
  network("connected");
  await back;
  network("interrupted");
  context.mock.timers.tick(2000);
  const never = kindOf(line.resume());
  fatal(daily, "connection-error", { on: "reconnect" });
  assert.equal(await never, "dropped");
  assert.deepEqual(heard.slice(1), ["lost", "lost"]);
});

test("the report has Daily's figures", async () => {
  const { report } = await begun();
  await settled();
  assert.equal(report.value?.transport, "daily");
});

test("an invitation is a link with a token of its own", async () => {
  const { line } = await begun();
  assert.equal(await line.invite?.(), "https://d.daily.co/r?t=t%2B2");
});

test("closing leaves the room and lets go of Daily", async () => {
  const { line, daily, heard } = await begun();
  await line.close();
  daily.emit("left-meeting", {});
  assert.ok(daily.asked.includes("leave"));
  assert.equal(daily.asked.at(-1), "destroy");
  assert.deepEqual(heard, ["bot b"]);
});
