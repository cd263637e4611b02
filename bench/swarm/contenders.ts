/**
 * The ways one file goes to many hosts: each contender's processes, as shell commands. The two
 * BitTorrent clients share a .torrent and a tracker on the manager's machine, and have one seed, the
 * origin; none of them knows more at the start than the others.
 */

import { writeFileSync } from "node:fs";
import { needs, python, type Need } from "./needs.ts";
import { makeTorrent } from "./torrent.ts";

/** What a contender may use: addresses, folders, the object. */
export interface Ground {
  readonly root: string;
  readonly folder: string;
  readonly url: string;
  readonly source: string;
  readonly node: string;
  readonly originAddress: string;
  readonly managerAddress: string;
  readonly torrentPieceBytes: number;
  /** The manager's site; undefined where there is one site. */
  readonly site: string | undefined;
}

export interface HostGround {
  readonly address: string;
  readonly folder: string;
  readonly output: string;
  readonly site: string | undefined;
}

export interface Service {
  readonly machine: "origin" | "manager";
  readonly command: string;
}

export interface Contender {
  readonly name: string;
  readonly needs: readonly Need[];
  /** Long-running processes. */
  readonly services: (ground: Ground) => readonly Service[];
  readonly daemon?: (ground: Ground, host: HostGround) => string;
  /** What each daemon needs to be ready, when it is more than usual. */
  readonly settlePerDaemonMs?: number;
  /** Ends when the host has the file; BitTorrent clients stay, so their file's name tells. */
  readonly get: (ground: Ground, host: HostGround) => string;
  readonly doneFile?: boolean;
}

const torrentOf = ({ folder }: Ground): string => `${folder}/data.torrent`;
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
const peer = ({ root }: Ground): string => `${python} ${root}/bench/swarm/libtorrent_peer.py`;

/** Makes the .torrent; the tracker starts before the seed. */
function bitTorrent(ground: Ground, seed: string): readonly Service[] {
  const { root, node, source, managerAddress, torrentPieceBytes } = ground;
  writeFileSync(
    torrentOf(ground),
    makeTorrent(source, "data.bin", `http://${managerAddress}:6969/announce`, torrentPieceBytes),
  );
  return [
    { machine: "manager", command: `exec ${node} ${root}/bench/swarm/torrent.ts ${managerAddress} 6969` },
    { machine: "origin", command: `sleep 1; exec ${seed}` },
  ];
}

const siteFlag = ({ site }: { readonly site: string | undefined }): string =>
  site === undefined ? "" : ` --site ${site}`;

const aria2 = "aria2c -q --bt-enable-lpd=false --enable-dht=false";

export const contenders: readonly Contender[] = [
  {
    name: "curl",
    needs: [needs.curl],
    services: () => [],
    get: ({ url }, { output }) => `exec curl -s --retry 3 -o ${output} ${url}`,
  },
  {
    name: "aria2",
    needs: [needs.aria2],
    services: (ground) => {
      const script = `${ground.folder}/done.sh`;
      writeFileSync(script, '#!/bin/sh\nln -f "$3" "$(dirname "$3")/out.bin"\n', { mode: 0o755 });
      return bitTorrent(
        ground,
        `${aria2} -V --seed-ratio=0 --interface=${ground.originAddress} -d ${folderOf(ground.source)} ${torrentOf(ground)}`,
      );
    },
    get: (ground, { address, folder }) =>
      `exec ${aria2} --seed-time=10 --on-bt-download-complete=${ground.folder}/done.sh --file-allocation=none --interface=${address} -d ${folder} ${torrentOf(ground)}`,
    doneFile: true,
  },
  {
    name: "libtorrent",
    needs: [needs.libtorrent],
    services: (ground) =>
      bitTorrent(
        ground,
        `${peer(ground)} seed ${torrentOf(ground)} ${folderOf(ground.source)} ${ground.originAddress}`,
      ),
    get: (ground, { address, folder, output }) =>
      `exec ${peer(ground)} get ${torrentOf(ground)} ${folder} ${address} ${output}`,
    doneFile: true,
  },
  {
    name: "darner",
    needs: [],
    services: ({ root, managerAddress, folder, site }) => [
      {
        machine: "manager",
        command: `exec ${root}/bin/darner cluster-manager --listen ${managerAddress}:8002 --advertise ${managerAddress} --data-dir ${folder}/manager --trust off${siteFlag({ site })}`,
      },
    ],
    daemon: ({ root, managerAddress }, { address, folder, site }) =>
      `exec ${root}/bin/darner daemon --manager http://${managerAddress}:8002 --listen ${address}:65002 --advertise ${address} --data-dir ${folder}/data --socket ${folder}/d.sock --trust off${siteFlag({ site })}`,
    get: ({ root, url }, { folder, output }) =>
      `exec ${root}/bin/dfget -q --socket ${folder}/d.sock ${url} -O ${output}`,
  },
  {
    name: "darner-trusted",
    needs: [],
    services: ({ root, managerAddress, folder, site }) => {
      const darner = `${root}/bin/darner`;
      const place = `--advertise ${managerAddress} --data-dir ${folder}/manager`;
      const invite = (role: string): string =>
        `${darner} member invite --role ${role} --uses 10000 --data-dir ${folder}/manager`;
      const socket = `${folder}/manager/config-service/admin.sock`;
      return [
        {
          machine: "manager",
          command: [
            `${darner} config-service --listen ${managerAddress}:8080 ${place} &`,
            `until [ -S ${socket} ]; do sleep 0.1; done;`,
            `${darner} $(${invite("manager")} | cut -d ' ' -f 2-) --data-dir ${folder}/manager;`,
            `${invite("host")} > ${folder}/invite.new; mv ${folder}/invite.new ${folder}/invite;`,
            `exec ${darner} cluster-manager --listen ${managerAddress}:8002 ${place}${siteFlag({ site })}`,
          ].join(" "),
        },
      ];
    },
    // Joining is done once in a machine's life, so it is no part of the race.
    daemon: ({ root, folder: ground }, { address, folder, site }) =>
      `until [ -f ${ground}/invite ]; do sleep 0.1; done; ${root}/bin/darner $(cut -d ' ' -f 2- ${ground}/invite) --data-dir ${folder}/data; exec ${root}/bin/darner daemon --listen ${address}:65002 --advertise ${address} --data-dir ${folder}/data --socket ${folder}/d.sock${siteFlag({ site })}`,
    settlePerDaemonMs: 700,
    get: ({ root, url }, { folder, output }) =>
      `exec ${root}/bin/dfget -q --socket ${folder}/d.sock ${url} -O ${output}`,
  },
];
