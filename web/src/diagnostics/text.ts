// What an operator needs to know about a call, as text for a support ticket.
import type { Config } from "../config.ts";
import type { Answer, CallState, ConnectionReport, RelayTest, SelfTest } from "../model.ts";

const UNKNOWN = "not measured";

interface Facts {
  readonly config: Config;
  readonly call: CallState;
  readonly connection: ConnectionReport | null;
  readonly selfTest: SelfTest | null;
  readonly answers: readonly Answer[];
  readonly userAgent: string;
  readonly at: Date;
  /**
   * By which an operator finds the call. It opens nothing: whoever asks for something on a session also has to show a
   * token of the one who began it (docs/decisions/0003).
   */
  readonly sessionId: string | null;
}

/** Lines "name: value" in an order that stays. No address, no token, no URL, and no word that was spoken. */
export function diagnosticsText(facts: Facts): string {
  return [
    "Report of a call",
    `Written: ${facts.at.toISOString()}`,
    `Deployment: ${facts.config.name}`,
    `Deployed transports: ${facts.config.transports.join(", ")}`,
    `Browser: ${facts.userAgent}`,
    `Session: ${facts.sessionId ?? "none"}`,
    ...callLines(facts.call),
    "",
    ...connectionLines(facts.connection),
    "",
    ...selfTestLines(facts.selfTest),
    "",
    ...answerLines(facts.answers),
    "",
  ].join("\n");
}

function callLines(call: CallState): readonly string[] {
  if (call.name === "ended") return [`State: ended. ${call.sentence}`];
  if (call.name !== "failed") return [`State: ${call.name}`];
  const { kind, sentence, requestId } = call.failure;
  return [`State: failed (${kind}). ${sentence}`, `Request: ${requestId ?? "none"}`];
}

function connectionLines(connection: ConnectionReport | null): readonly string[] {
  if (connection === null) return ["Connection: none"];
  const { kilobitsPerSecond: rate, gathered } = connection;
  const counts = gathered.map(({ type, carrier, count }) => `${count} ${type} ${carrier}`);
  return [
    `Connection: ${connection.sentence}`,
    `Transport: ${connection.transport}`,
    `Candidates: ${counts.join(", ") || "none"}`,
    `Pair: ${pairWords(connection)}`,
    `Round trip: ${milliseconds(connection.roundTripMilliseconds)}`,
    `Jitter: ${milliseconds(connection.jitterMilliseconds)}`,
    `Lost: ${connection.lost === null ? UNKNOWN : `${(connection.lost * 100).toFixed(1)} %`}`,
    `Sent: ${rate === null ? UNKNOWN : `${Math.round(rate.sent)} kbit/s`}`,
    `Received: ${rate === null ? UNKNOWN : `${Math.round(rate.received)} kbit/s`}`,
  ];
}

function pairWords({ pair, transport }: ConnectionReport): string {
  if (pair === null) return transport === "daily" ? "chosen by Daily" : "none";
  return `${pair.local} to ${pair.remote}, ${pair.carrier}, port ${pair.port ?? "unknown"}`;
}

function selfTestLines(selfTest: SelfTest | null): readonly string[] {
  if (selfTest === null) return ["Network test: not run"];
  const sentence = selfTest.running ? "still running" : selfTest.sentence;
  return [`Network test: ${sentence}`, ...selfTest.results.map(relayLine)];
}

function relayLine({ carrier, port, outcome, milliseconds: took }: RelayTest): string {
  const where = port === null ? "" : ` on port ${port}`;
  return `Relay over ${carrier}${where}: ${outcome}${took === null ? "" : ` in ${Math.round(took)} ms`}`;
}

function answerLines(answers: readonly Answer[]): readonly string[] {
  if (answers.length === 0) return ["Answers: none"];
  const times = answers.map((answer) => answer.milliseconds);
  return [
    `Answers: ${answers.length}, median ${Math.round(median(times))} ms`,
    ...answers.map(({ number, milliseconds: took }) => `Answer ${number}: ${Math.round(took)} ms`),
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return middle.reduce((total, value) => total + value, 0) / middle.length;
}

function milliseconds(value: number | null): string {
  return value === null ? UNKNOWN : `${value.toFixed(1)} ms`;
}
