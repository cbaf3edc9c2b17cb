// Checks what is said of a call in a Daily room.
import assert from "node:assert/strict";
import test from "node:test";
import { factsOf, summaryOf } from "../view/connection_words.ts";
import { describeDailyRoom } from "./daily_room.ts";

test("Daily's seconds and bits become the page's figures", () => {
  const report = describeDailyRoom({
    latest: {
      networkRoundTripTime: 0.024,
      audioRecvJitter: 0.003,
      audioRecvPacketLoss: 0.15,
      sendBitsPerSecond: 32_000,
      recvBitsPerSecond: 40_000,
    },
  });
  assert.deepEqual(report.kilobitsPerSecond, { sent: 32, received: 40 });
  assert.match(report.sentence, /Daily's network.* 15 % of the bot's audio is lost/);
  const facts = new Map(factsOf(report));
  assert.equal(facts.get("Path"), "chosen by Daily");
  assert.equal(facts.get("Jitter"), "3 ms");
  assert.equal(summaryOf(report), "Daily · 24 ms");
});

test("what Daily has not measured is not made up", () => {
  const silent = describeDailyRoom({ latest: { networkRoundTripTime: null, audioRecvPacketLoss: null } });
  for (const report of [describeDailyRoom({}), silent]) {
    assert.deepEqual([report.roundTripMilliseconds, report.lost, report.kilobitsPerSecond], [null, null, null]);
    assert.match(report.sentence, /chooses the way\.$/);
  }
});
