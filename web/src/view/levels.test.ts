import assert from "node:assert/strict";
import { test } from "node:test";
import { approach } from "./levels.ts";

test("a level rises quicker than it falls, and arrives", () => {
  const risen = approach(0, 1);
  const fallen = approach(1, 0);
  assert.ok(risen > 1 - fallen, `rose by ${risen}, fell by ${1 - fallen}`);
  let level = 1;
  for (let frame = 0; frame < 120; frame += 1) level = approach(level, 0);
  assert.equal(level, 0);
});
