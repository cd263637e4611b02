/** The manager's own look at an accused host: what it is served as a stranger, and what it makes of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { Limiter, ticketRefusal, Uploads } from "#transfer/mod.ts";
import { MemoryNetwork, type MemoryConnection } from "../../../../test/memory-network.ts";
import { Accusations } from "./accusations.ts";

const piece = Uint8Array.from({ length: 5_000 }, (_, index) => index & 0xff);
const card = { id: "accused", name: "accused", site: "", address: "10.0.0.1", port: 1 };
const of = { task: "t", generation: "g", piece: 0, lengthBytes: piece.length, digest: sha256(piece) };

interface Accused {
  readonly holds?: boolean;
  readonly spoil?: (bytes: Uint8Array) => void;
  readonly nonceOf?: string;
  readonly listens?: boolean;
}

async function lookAt({ holds = true, spoil, nonceOf = card.id, listens = true }: Accused) {
  const clock = new SimClock();
  const key = newSigningKey();
  const network = new MemoryNetwork(clock);
  const disk = new SimDisk();
  const files = { content: await disk.open("/content", "keep"), journal: await disk.open("/journal", "keep") };
  const store = await PieceFile.open({ ...files, boot: new Uint8Array(8), clock });
  await store.begin({ kind: "object", url: "u", generation: "g", pieceBytes: piece.length, lengthBytes: piece.length });
  if (holds) await store.put(0, piece, of.digest);
  const asked: string[] = [];
  const limiter = new Limiter(clock, Infinity);
  const refusal = (request: { task: string; ticket?: string }, host: string): string | null => {
    asked.push(host);
    return ticketRefusal(request.ticket, { task: request.task, host }, [key.publicKey], clock.wallMs());
  };
  const uploads = new Uploads({ clock, log: silentLog, limiter, slots: 2, refusal, trust: true });
  uploads.serve({ task: "t", generation: "g", store });
  const accept = (connection: MemoryConnection, options: { readonly headers: Readonly<Record<string, string>> }) => {
    if (spoil !== undefined) connection.spoil = spoil;
    const nonce = `${nonceOf}:1`;
    return {
      headers: { "darner-nonce": nonce },
      ...uploads.accept(connection, options.headers["Darner-Host"]!, nonce),
    };
  };
  if (listens) network.listen(card.address, { accept });
  const accusations = new Accusations({ clock, log: silentLog, dialler: network.dialler, key, trust: true });
  let verdict: string | undefined;
  void accusations.look(card, of).then((found) => (verdict = found));
  await clock.settle(20_000);
  uploads.close();
  return { verdict, asked, manager: key.id };
}

test("right bytes are right, and it came under a name that nobody knows", async () => {
  const { verdict, asked, manager } = await lookAt({});
  assert.equal(verdict, "right");
  assert.equal(asked.length, 1);
  assert.notEqual(asked[0], manager);
});

test("wrong bytes are wrong", async () => {
  const { verdict } = await lookAt({ spoil: (bytes) => (bytes[17]! ^= 1) });
  assert.equal(verdict, "wrong");
});

test("a host that dropped the piece, cannot be reached, or passes on another's question proves nothing", async () => {
  assert.equal((await lookAt({ holds: false })).verdict, "unknown");
  assert.equal((await lookAt({ listens: false })).verdict, "unknown");
  assert.equal((await lookAt({ nonceOf: "another" })).verdict, "unknown");
});
