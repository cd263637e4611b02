/**
 * Stories about one download. Commands: listed PIECES, ended COUNT, parents NAME... (a seed is
 * seed:NAME; across:NAME is in another site), share WAYS of COUNT (what enters by this host, told
 * with the next parents), opened NAME PIECES, had NAME PIECES, started/stored/bad NAME PIECE,
 * sends NAME PIECE (started and stored), unwritten COUNT (pieces before the disk), heard NAME BYTES,
 * cancelled NAME PIECES, closed NAME, tick MS (in steps of 100, as the transfer ticks), state.
 */

import assert from "node:assert/strict";
import { Bitfield, unreachable } from "#base/mod.ts";
import { SwarmDownload, type DownloadEffect, type DownloadEvent } from "#core/download/mod.ts";
import type { EntryShare, ParentOffer } from "#core/protocol/mod.ts";
import { formatIndices, parseIndices, playStories, type Actor } from "./scenario.ts";

const tickMs = 100;

function toBitfield(indices: readonly number[]): Bitfield {
  const field = new Bitfield(Math.max(-1, ...indices) + 1);
  for (const index of indices) field.set(index);
  return field;
}

function eventOf(command: string, words: readonly string[], entry?: EntryShare): DownloadEvent {
  const [first = "", second = "none"] = words;
  switch (command) {
    case "listed":
      return { kind: command, indices: parseIndices(first) };
    case "ended":
    case "unwritten":
      return { kind: command, pieces: Number(first) };
    case "parents":
      return { kind: command, offers: words.map((word) => toOffer(word)), entry };
    case "opened":
      return { kind: command, parent: first, pieces: toBitfield(parseIndices(second)) };
    case "had":
    case "cancelled":
      return { kind: command, parent: first, indices: parseIndices(second) };
    case "closed":
      return { kind: command, parent: first };
    case "started":
    case "stored":
    case "bad":
      return { kind: command, parent: first, index: Number(second) };
    default:
      return assert.fail(`no such command: ${command}`);
  }
}

function toOffer(word: string): ParentOffer {
  const marks = word.split(":");
  const id = marks.pop() ?? "";
  const across = marks.includes("across") ? { across: true } : {};
  return { id, address: "10.0.0.1", port: 1, seed: marks.includes("seed"), ...across };
}

function toShare([mine = "", , ways]: readonly string[]): EntryShare {
  return { ways: Number(ways), mine: parseIndices(mine) };
}

function told(effect: DownloadEffect): string {
  switch (effect.kind) {
    case "dial":
      return `dial ${effect.offer.id}`;
    case "hang-up":
      return `${effect.sever ? "sever" : "leave"} ${effect.parent}: ${effect.reason}`;
    case "want":
    case "cancel":
      return `${effect.kind} ${effect.parent} ${formatIndices(effect.indices)}`;
    case "accuse":
      return `accuse ${effect.parent} ${effect.index}`;
    default:
      return unreachable(effect);
  }
}

function newDownload(): Actor {
  const download = new SwarmDownload({ held: new Bitfield(0), inboundMax: 20, unit: () => 0 });
  let nowMs = 0;
  let entry: EntryShare | undefined;
  return (command, words) => {
    if (command === "share") {
      entry = toShare(words);
      return [];
    }
    if (command === "state") return [stateOf(download)];
    if (command === "heard") {
      download.heard(words[0]!, Number(words[1]), nowMs);
      return [];
    }
    if (command === "sends") {
      const [parent = "", piece] = words;
      const index = Number(piece);
      const began = download.step({ kind: "started", parent, index }, nowMs);
      return [...began, ...download.step({ kind: "stored", parent, index }, nowMs)].map(told);
    }
    if (command !== "tick") return download.step(eventOf(command, words, entry), nowMs).map(told);
    const lines: string[] = [];
    for (const untilMs = nowMs + Number(words[0]); nowMs < untilMs;) {
      nowMs += tickMs;
      for (const effect of download.step({ kind: "tick" }, nowMs)) lines.push(`at ${nowMs}: ${told(effect)}`);
    }
    return lines;
  };
}

function stateOf(download: SwarmDownload): string {
  const facts = [
    `holds ${formatIndices([...download.held.indices()])}`,
    `${download.missing} missing`,
    `${download.openParents} open`,
    ...(download.duplicates > 0 ? [`${download.duplicates} twice`] : []),
    ...(download.starving ? ["starving"] : []),
    ...(download.finished ? ["finished"] : []),
  ];
  return facts.join(", ");
}

playStories("download", newDownload);
