/** Pictures are the same bytes each time, and carry their texts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Picture } from "#simulator/mod.ts";
import { drawSvg } from "./draw.ts";

const picture: Picture = {
  name: "x",
  title: "A title",
  x: { title: "hosts", scale: "logarithmic" },
  y: { title: "seconds", scale: "linear", least: 0 },
  series: [
    {
      name: "a result",
      role: "result",
      points: [
        [1, 2],
        [10, 3],
        [100, Infinity],
      ],
    },
    {
      name: "a bound",
      role: "bound",
      points: [
        [1, 1],
        [100, 1],
      ],
    },
    { name: "a rival", role: "rival", pointsOnly: true, points: [[10, 5]] },
  ],
  notes: ["An assumption that is said on the picture."],
};

test("the same picture is the same bytes, whatever was drawn before", () => {
  const first = drawSvg(picture);
  drawSvg({ ...picture, title: "Another" });
  assert.ok(drawSvg(picture) === first);
});

test("title, axes, lines and assumptions stand on it in full, on white", () => {
  const svg = drawSvg(picture);
  for (const text of ["A title", "hosts", "seconds", "a result", "a bound", "a rival", picture.notes[0]!])
    assert.ok(svg.includes(`>${text}<`), text);
  assert.match(svg, /<rect width="\d+" height="\d+" x="0" y="0" fill="#ffffff">/);
  assert.doesNotMatch(svg, /<style|class=|NaN|Infinity|undefined/);
});
