import assert from "node:assert/strict";
import { test } from "node:test";
import { densityOf, isNumbered, lineLabel, median, scaleOf, stripName } from "./answer_scale.ts";

test("median of none, one, an odd and an even count, in any order", () => {
  assert.equal(median([]), null);
  assert.equal(median([745]), 745);
  assert.equal(median([900, 100, 700]), 700);
  assert.equal(median([1000, 700, 800, 400]), 750);
});

test("a strip of quick answers still shows one second", () => {
  assert.deepEqual(scaleOf([420, 500]), { top: 1000, lines: [500, 1000] });
});

test("no value leaves the strip, and gridlines stay few", () => {
  for (const highest of [1, 999, 1000, 1001, 1999, 2001, 7300, 31_000, 400_000]) {
    const scale = scaleOf([highest]);
    assert.ok(scale.top >= highest, `${highest} is above ${scale.top}`);
    assert.ok(scale.lines.length <= 7, `${scale.lines.length} lines at ${highest}`);
    assert.equal(scale.lines.at(-1), scale.top);
  }
});

test("the name says each turn, in whole milliseconds", () => {
  const answers = [
    { number: 1, milliseconds: 744.6 },
    { number: 2, milliseconds: 760 },
  ];
  assert.equal(stripName(answers), "Answer times: 1: 745 ms, 2: 760 ms");
  assert.equal(stripName([]), "Answer times: none yet");
});

test("many bars are numbered by fives", () => {
  assert.deepEqual([1, 6, 7, 12, 13].map(densityOf), ["few", "few", "some", "some", "many"]);
  assert.equal(isNumbered({ number: 7, milliseconds: 1 }, "some"), true);
  assert.equal(isNumbered({ number: 7, milliseconds: 1 }, "many"), false);
  assert.equal(isNumbered({ number: 10, milliseconds: 1 }, "many"), true);
});

test("gridlines are labelled in the shortest unit", () => {
  assert.deepEqual([500, 1000, 1500].map(lineLabel), ["500 ms", "1 s", "1.5 s"]);
});
