/** The ways one file goes to many hosts: each contender's processes, as shell commands. */

import { writeFileSync } from "node:fs";
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
}

export interface HostGround {
  readonly address: string;
  readonly folder: string;
  readonly output: string;
}

export interface Contender {
  readonly name: string;
  /** Long-running processes: machine -> command. */
  readonly services: (
    ground: Ground,
  ) => readonly { readonly machine: "origin" | "manager"; readonly command: string }[];
  readonly daemon?: (ground: Ground, host: HostGround) => string;
  /** Ends when the host has the file; BitTorrent clients stay, so their file's name tells. */
  readonly get: (ground: Ground, host: HostGround) => string;
  readonly doneFile?: boolean;
}

export const contenders: readonly Contender[] = [
  {
    name: "curl",
    services: () => [],
    get: ({ url }, { output }) => `exec curl -s --retry 3 -o ${output} ${url}`,
  },
  {
    name: "aria2",
    services: (ground) => {
      const torrent = `${ground.folder}/data.torrent`;
      const announce = `http://${ground.managerAddress}:6969/announce`;
      writeFileSync(torrent, makeTorrent(ground.source, "data.bin", announce, 256 * 1024));
      const script = `${ground.folder}/done.sh`;
      writeFileSync(script, '#!/bin/sh\nln -f "$3" "$(dirname "$3")/out.bin"\n', { mode: 0o755 });
      const seedFolder = ground.source.slice(0, ground.source.lastIndexOf("/"));
      return [
        {
          machine: "manager",
          command: `exec ${ground.node} ${ground.root}/bench/swarm/torrent.ts ${ground.managerAddress} 6969`,
        },
        {
          machine: "origin",
          command: `sleep 1; exec aria2c -q -V --seed-ratio=0 --bt-enable-lpd=false --enable-dht=false --interface=${ground.originAddress} -d ${seedFolder} ${torrent}`,
        },
      ];
    },
    get: ({ folder }, { address, folder: own }) =>
      `exec aria2c -q --seed-time=10 --on-bt-download-complete=${folder}/done.sh --bt-enable-lpd=false --enable-dht=false --file-allocation=none --interface=${address} -d ${own} ${folder}/data.torrent`,
    doneFile: true,
  },
  {
    name: "darner",
    services: ({ root, managerAddress, folder }) => [
      {
        machine: "manager",
        command: `exec ${root}/bin/darner cluster-manager --listen ${managerAddress}:8002 --advertise ${managerAddress} --data-dir ${folder}/manager --trust off`,
      },
    ],
    daemon: ({ root, managerAddress }, { address, folder }) =>
      `exec ${root}/bin/darner daemon --manager http://${managerAddress}:8002 --listen ${address}:65002 --advertise ${address} --data-dir ${folder}/data --socket ${folder}/d.sock --trust off`,
    get: ({ root, url }, { folder, output }) =>
      `exec ${root}/bin/dfget -q --socket ${folder}/d.sock ${url} -O ${output}`,
  },
];
