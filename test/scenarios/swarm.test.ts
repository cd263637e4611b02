/**
 * Stories about one swarm as its manager matches it. Commands: join NAME[@SITE] PIECES [crowd], report NAME
 * PIECES [starving] [crossing] [seeding], leave NAME, accuse NAME PARENT, judge NAME wrong|right|unknown, wait MS,
 * parents (who has whom now). The manager's own seed is always among the parents and is not shown; it is in
 * the site `here`. Parents in other sites stand behind `across`, with the ways by which pieces come in.
 */

import assert from "node:assert/strict";
import { Bitfield } from "#base/mod.ts";
import type { HostCard } from "#core/protocol/mod.ts";
import { spreadEveryMs, Swarm, type Member, type SwarmChange, type Verdict } from "#core/swarm/mod.ts";
import { formatIndices, parseIndices, playStories, type Actor } from "./scenario.ts";

const pieces = 8;
const seed = { id: "m", address: "10.0.0.1", port: 8002, seed: true };

function cardOf(text: string): HostCard {
  const [id = "", site = "here"] = text.split("@");
  return { id, name: id, site, address: id, port: 65002 };
}

function told(change: SwarmChange): string {
  const list = (isAcross: boolean): string => {
    const offers = change.parents.filter((parent) => !parent.seed && (parent.across === true) === isAcross);
    return offers.map((parent) => parent.id).join(" ") || "nobody";
  };
  const seeds = change.parents.filter((parent) => parent.seed);
  const { entry } = change;
  if (entry === undefined) return `${change.host} gets ${list(false)}${seeds.length === 0 ? ", no seed" : ""}`;
  assert.deepEqual(seeds, [{ ...seed, across: true }], "who looks after a way has the seed across");
  const part = `ways ${formatIndices(entry.mine)} of ${entry.ways}`;
  return `${change.host} gets ${list(false)}; across ${list(true)}: ${part}`;
}

function names(members: Iterable<Member>): string {
  return Array.from(members, (member) => member.card.id).join(" ") || "nobody";
}

function newSwarm(): Actor {
  const swarm = new Swarm([seed], () => 0, { home: "here" });
  let nowMs = 0;
  return (command, [host = "", second = "none", ...flags]) => {
    switch (command) {
      case "join": {
        const held = new Bitfield(pieces);
        for (const index of parseIndices(second)) held.set(index);
        const isCrowd = flags.includes("crowd");
        if (!isCrowd) nowMs += spreadEveryMs;
        swarm.join(cardOf(host), held, nowMs);
        return isCrowd ? [] : swarm.match(nowMs).map(told);
      }
      case "report": {
        const rates = { upBytesPerSecond: 0, downBytesPerSecond: 0 };
        const [starving, crossing] = [flags.includes("starving"), flags.includes("crossing")];
        const report = { news: parseIndices(second), starving, crossing, ...rates };
        return swarm.report(host, { ...report, seeding: flags.includes("seeding") }, nowMs).map(told);
      }
      case "leave":
        return swarm.leave(host, nowMs).map(told);
      case "accuse": {
        const { changes, check } = swarm.accuse(host, second, nowMs);
        return [...changes.map(told), ...(check ? [`look at ${second}`] : [])];
      }
      case "judge":
        return swarm.judged(host, second as Verdict, nowMs).map(told);
      case "wait":
        nowMs += Number(host);
        return swarm.match(nowMs).map(told);
      case "parents":
        return [...swarm.members].map(
          ({ card, parents, children }) => `${card.id}: from ${names(parents)}, to ${names(children)}`,
        );
      default:
        return assert.fail(`no such command: ${command}`);
    }
  };
}

playStories("swarm", newSwarm);
