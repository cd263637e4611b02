/**
 * Draws a picture as SVG, without a browser. The same picture gives the same bytes: nothing in it moves,
 * and the ids that the library counts up over a process are made to start anew. White ground, so that
 * it reads in a dark viewer as well; colours after Okabe and Ito, which colour-blind people tell apart,
 * and a different mark for each line besides.
 */

import { LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use, type ComposeOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { LineSeriesOption } from "echarts/charts";
import type { GridComponentOption, LegendComponentOption, TitleComponentOption } from "echarts/components";
import type { Axis, Picture, Series } from "#simulator/mod.ts";

type Option = ComposeOption<LineSeriesOption | GridComponentOption | LegendComponentOption | TitleComponentOption>;

use([LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const width = 820;
const chartHeight = 410;
const margin = 20;
const legendTop = 44;
const legendGap = 14;
const legendMarkWidth = 34;
const legendRowHeight = 24;
/** Of the widest letters among the fonts that a viewer may have. */
const legendPixelsPerLetter = 7.2;
const noteHeight = 18;
const notePixelsPerLetter = 6.1;

const ink = "#1a1a1a";
const grey = "#767676";
const paper = "#ffffff";
const colours = {
  result: ["#0072b2", "#009e73", "#56b4e9"],
  rival: ["#d55e00", "#e69f00"],
  bound: ["#4d4d4d", "#767676", "#9a9a9a"],
} as const;
const marks = { result: ["circle", "rect", "diamond"], rival: ["triangle", "pin"], bound: ["none"] } as const;
const dashes = [
  [7, 4],
  [2, 3],
  [10, 3, 2, 3],
];

export function drawSvg(picture: Picture): string {
  const notes = picture.notes.flatMap(wrapped);
  const places = legendPlaces(picture.series);
  const legendRows = places.at(-1)!.row + 1;
  const height = chartHeight + legendRows * legendRowHeight + notes.length * noteHeight;
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(optionOf(picture, notes, places, legendRows));
  const drawn = chart.renderToSVGString();
  chart.dispose();
  return `${withStableIds(drawn)}\n`;
}

/**
 * `zr7-c0` becomes `p-c0`, since the number counts the pictures of the process; what is for a mouse, and
 * counted too, is left out.
 */
function withStableIds(svg: string): string {
  return svg
    .replaceAll(/ (?:class|pointer-events|ecmeta_\w+)="[^"]*"/g, "")
    .replace(/<style ><!\[CDATA\[[^\]]*\]\]>\s*<\/style>\n/, "")
    .replaceAll(/\bzr\d+-/g, "p-");
}

function optionOf(
  picture: Picture,
  notes: readonly string[],
  places: readonly LegendPlace[],
  legendRows: number,
): Option {
  return {
    animation: false,
    backgroundColor: paper,
    textStyle: { fontFamily: "Helvetica, Arial, DejaVu Sans, sans-serif", color: ink },
    title: [
      { text: picture.title, left: margin, top: 14, textStyle: { fontSize: 17, color: ink } },
      {
        text: notes.join("\n"),
        left: margin,
        bottom: 10,
        textStyle: { fontSize: 12, lineHeight: noteHeight, fontWeight: "normal", color: grey },
      },
    ],
    legend: places.map(({ series, left, row }) => ({
      data: [{ name: series.name, ...(series.role === "bound" ? { itemStyle: { opacity: 0 } } : {}) }],
      left,
      top: legendTop + row * legendRowHeight,
      itemWidth: legendMarkWidth,
      textStyle: { fontSize: 13, color: ink },
      selectedMode: false,
    })),
    grid: {
      left: 70,
      right: 30,
      top: 58 + legendRows * legendRowHeight,
      bottom: 72 + notes.length * noteHeight,
    },
    xAxis: { ...axisOf(picture.x), nameGap: 32 },
    yAxis: { ...axisOf(picture.y), nameGap: 48 },
    series: ordered(picture.series).map(({ series, number }) => drawnSeries(series, number)),
  };
}

function axisOf({ title, scale, least, most }: Axis) {
  return {
    type: scale === "linear" ? ("value" as const) : ("log" as const),
    name: title,
    nameLocation: "middle" as const,
    nameTextStyle: { fontSize: 13, color: ink },
    axisLine: { show: true, lineStyle: { color: grey } },
    axisLabel: { fontSize: 12, color: ink, formatter: (value: number) => value.toLocaleString("en") },
    splitLine: { lineStyle: { color: "#e6e6e6" } },
    ...(least === undefined ? {} : { min: least }),
    ...(most === undefined ? {} : { max: most }),
  };
}

/** Each line with its number within its role, which its colour, mark and dashes follow. */
function ordered(all: readonly Series[]): { series: Series; number: number }[] {
  const seen = { result: 0, rival: 0, bound: 0 };
  return all.map((series) => ({ series, number: seen[series.role]++ }));
}

const pick = <Value>(values: readonly Value[], number: number): Value => values[number % values.length]!;

function drawnSeries(series: Series, number: number): LineSeriesOption {
  const { role, name, points, pointsOnly = false, steps = false } = series;
  const colour = pick<string>(colours[role], number);
  const hasMarks = pointsOnly || (role !== "bound" && !steps);
  return {
    type: "line",
    name,
    data: points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)).map(([x, y]) => [x, y]),
    silent: true,
    emphasis: { disabled: true },
    symbol: hasMarks ? pick<string>(marks[role], number) : "none",
    symbolSize: pointsOnly ? 12 : 8,
    itemStyle: { color: colour },
    lineStyle: {
      color: colour,
      width: pointsOnly ? 0 : role === "bound" ? 1.5 : 2.5,
      type: role === "bound" ? pick(dashes, number) : "solid",
    },
    ...(steps ? { step: "end" as const } : {}),
    z: role === "bound" ? 2 : 3,
  };
}

function wrapped(note: string): string[] {
  const lettersMax = Math.floor((width - 2 * margin) / notePixelsPerLetter);
  const lines: string[] = [];
  let line = "";
  for (const word of note.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > lettersMax) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

interface LegendPlace {
  readonly series: Series;
  readonly left: number;
  readonly row: number;
}

/** Laid out here, for the widest font: the library's own layout lets texts run into one another in others. */
function legendPlaces(all: readonly Series[]): LegendPlace[] {
  let left = margin;
  let row = 0;
  return all.map((series) => {
    const needed = legendMarkWidth + 10 + Math.ceil(series.name.length * legendPixelsPerLetter) + legendGap;
    if (left > margin && left + needed > width - margin) {
      row++;
      left = margin;
    }
    const place = { series, left, row };
    left += needed;
    return place;
  });
}
