/**
 * Who may import whom. A room is a folder of src that the dependency rule knows:
 *
 *   base <- core <- platform ports <- settings, storage, origins, cluster <- transfer <- services
 *
 * clients see base, core without its swarm and placement, platform ports, settings, storage, origins and transfer
 * (dfget alone is a whole downloader), never cluster or services; the simulator sees
 * everything but clients and is seen by nobody but tests and main.ts; a service never imports
 * another. A folder is entered through its mod.ts, except platform, whose ports are one file each.
 *
 * main.ts and commands/, of which it loads only the file that the command needs, are the composition
 * root: they may import any room, and nobody imports them. Only they, platform/ and tests name a
 * `*.node.ts`.
 */

import type { Finding, Import, SourceFile } from "./source.ts";

/** What each room may see beside itself. A name without a slash means every room that starts with it. */
const seenBy: Readonly<Record<string, readonly string[]>> = {
  base: [],
  core: ["base", "core"],
  platform: ["base", "core"],
  settings: ["base", "core/model", "core/reach", "platform"],
  storage: ["base", "core", "platform"],
  origins: ["base", "core", "platform"],
  transfer: ["base", "core", "platform", "storage", "origins"],
  cluster: ["base", "core", "platform"],
  services: ["base", "core", "platform", "settings", "storage", "origins", "transfer", "cluster"],
  // prettier-ignore
  clients: ["base", "core/model", "core/protocol", "core/download", "core/freshness", "core/image", "platform", "settings", "storage", "origins", "transfer", "cluster"],
  simulator: ["base", "core", "platform", "settings", "storage", "origins", "transfer", "cluster", "services"],
};

/** Folders whose children are rooms of their own. */
const housesOfRooms: readonly string[] = ["core", "services", "clients"];

/** `core/model` for src/core/model/task.ts, `storage` for src/storage/pieces/gc.ts, undefined outside src. */
function roomOf(path: string): string | undefined {
  const parts = path.split("/");
  if (parts[0] !== "src" || parts.length < 3) return undefined;
  const house = parts[1]!;
  return housesOfRooms.includes(house) && parts.length > 3 ? `${house}/${parts[2]!}` : house;
}

const isWithin = (room: string, area: string): boolean => room === area || room.startsWith(`${area}/`);
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

const isRoot = (path: string): boolean => path === "src/main.ts" || path.startsWith("src/commands/");

/** The composition root, tests, and everything beside src: any room, and any real or simulated hand. */
const isFree = (path: string): boolean => isRoot(path) || path.endsWith(".test.ts") || !path.startsWith("src/");

export function checkLayers(file: SourceFile): Finding[] {
  return file.imports.flatMap((item) => {
    const problems = [
      checkRoom(file.path, item),
      checkDoor(file.path, item),
      checkHands(file.path, item),
      checkWay(file.path, item),
    ];
    return problems
      .filter((message) => message !== undefined)
      .map((message) => ({ path: file.path, line: item.line, message }));
  });
}

/** The dependency rule itself. */
function checkRoom(path: string, item: Import): string | undefined {
  const from = roomOf(path);
  if (isFree(path) || item.target === undefined) return undefined;
  if (isRoot(item.target)) return "layer rule: nobody imports main.ts and commands/, which wire everything together";
  if (!item.target.startsWith("src/")) return `layer rule: src imports nothing outside src, but this is ${item.target}`;
  const to = roomOf(item.target);
  if (from === undefined) return `layer rule: only main.ts lies in src itself; move ${path} into a room`;
  if (to === undefined) return `layer rule: ${item.target} lies in no room`;
  const seen = seenBy[from.split("/")[0]!];
  if (seen === undefined)
    return `layer rule: no room is called ${from}; add it to tools/tidy/layers.ts with what it may see`;
  if (from === to || seen.some((area) => isWithin(to, area))) return undefined;
  const allowed = seen.length === 0 ? "nothing of ours" : seen.join(", ");
  return `layer rule: ${from} may not import ${to} (it sees ${allowed}); turn the dependency round or pass it in`;
}

/** A folder is entered by its mod.ts; a file of an enclosing folder of the same room may be named. */
function checkDoor(path: string, item: Import): string | undefined {
  const { target } = item;
  if (target === undefined || !target.startsWith("src/") || isRoot(target)) return undefined;
  const from = folderOf(path);
  const to = folderOf(target);
  const sameRoom = roomOf(path) === roomOf(target);
  if (from === to || isWithin(to, "src/platform") || target.endsWith("/mod.ts")) return undefined;
  if (sameRoom && isWithin(from, to)) return undefined;
  return `door rule: import ${to.replace("src/", "#")}/mod.ts instead of ${item.specifier}`;
}

/** Real and simulated hands are chosen in one place. */
function checkHands(path: string, item: Import): string | undefined {
  if (item.target === undefined || isFree(path) || isWithin(path, "src/platform")) return undefined;
  if (item.target.endsWith(".node.ts")) {
    return `hands rule: only main.ts, commands/, platform/ and tests name a *.node.ts; take the port of ${item.specifier} as a parameter`;
  }
  if (item.target.endsWith(".sim.ts") && !isWithin(path, "src/simulator")) {
    return `hands rule: only platform/, the simulator and tests name a *.sim.ts, but this is ${item.specifier}`;
  }
  return undefined;
}

/** One way to write each import. */
function checkWay(path: string, item: Import): string | undefined {
  if (item.target === undefined) return undefined;
  if (!/\.(?:ts|json)$/.test(item.specifier)) return `import rule: write the file's ending, unlike ${item.specifier}`;
  const crosses = roomOf(path) !== roomOf(item.target);
  if (item.specifier.startsWith(".") && crosses && path !== "src/main.ts" && item.target.startsWith("src/")) {
    return `import rule: across rooms write ${item.target.replace("src/", "#")} instead of ${item.specifier}`;
  }
  return undefined;
}
