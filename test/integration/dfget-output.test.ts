/** Where dfget's bytes go: files that exist, links that were planted, full disks, pipes, lists. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describe } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { errorTable } from "#base/mod.ts";
import { assertFailed, bytesOf, digestOf, MB, object, story, together, until } from "./dfget-scene.ts";

describe("the output", together, () => {
  story(
    "that exists is never written over, unless -O names it; -nc keeps it; -c checks it",
    async ({ desk, origin }) => {
      origin.serve("/x", object);
      fs.writeFileSync(desk.path("x"), "mine", { mode: 0o600 });
      const exists = await desk.dfget([origin.url("/x")]);
      assert.equal(exists.status, errorTable["output.exists"].exit);
      assert.match(exists.stderr, /-nc .*-c .*-O x/);
      assert.equal((await desk.dfget(["-nc", origin.url("/x")])).status, 0);
      assert.equal((await desk.dfget(["-c", origin.url("/x")])).status, errorTable["output.exists"].exit);
      assert.equal(desk.read("x").toString(), "mine");
      assert.equal((await desk.dfget(["-O", "x", origin.url("/x")])).status, 0);
      assert.ok(desk.read("x").equals(bytesOf(object)));
      assert.equal(fs.statSync(desk.path("x")).mode & 0o777, 0o600, "a replacement keeps the permissions");
      for (const digest of [[], ["--digest", digestOf(object)]]) {
        const checked = await desk.dfget(["-c", ...digest, origin.url("/x")]);
        assert.equal(checked.status, 0, checked.stderr);
        assert.match(checked.stderr, /complete already/);
      }
    },
  );

  story("of a run that was killed at its last step is complete, but not what -O asks for", async ({ desk, origin }) => {
    const other = { ...object, body: Buffer.from("another object") };
    origin.serve("/x", object);
    origin.serve("/other", other);
    assert.equal((await desk.dfget([origin.url("/x")])).status, 0);
    fs.linkSync(desk.path("x"), desk.path(".x.darner-part"));
    const again = await desk.dfget([origin.url("/x")]);
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stderr, /complete already/);
    assert.deepEqual(desk.names(), ["x"]);
    fs.linkSync(desk.path("x"), desk.path(".x.darner-part"));
    assert.equal((await desk.dfget(["-O", "x", origin.url("/other")])).status, 0);
    assert.deepEqual(desk.names(), ["x"]);
    assert.ok(desk.read("x").equals(bytesOf(other)));
  });

  story("is not replaced by a download that fails", async ({ desk, origin }) => {
    fs.writeFileSync(desk.path("y"), "mine");
    origin.serve("/x", { ...object, closeAfterBytes: MB });
    assert.notEqual((await desk.dfget(["-t", "1", "-O", "y", origin.url("/x")])).status, 0);
    assert.equal(desk.read("y").toString(), "mine");
  });

  story("is nowhere else when a link was planted, at its path or at the hidden files'", async ({ desk, origin }) => {
    origin.serve("/x", object);
    fs.writeFileSync(desk.path("victim"), "victim");
    fs.symlinkSync("victim", desk.path("x"));
    assert.equal((await desk.dfget([origin.url("/x")])).status, errorTable["output.exists"].exit);
    assert.equal((await desk.dfget(["-O", "x", origin.url("/x")])).status, 0);
    assert.ok(!fs.lstatSync(desk.path("x")).isSymbolicLink());
    for (const planted of [".y.darner-part", ".y.darner-journal"]) {
      fs.symlinkSync("victim", desk.path(planted));
      assertFailed(desk, await desk.dfget(["-O", "y", origin.url("/x")]), "output.not-writable", "y");
      fs.unlinkSync(desk.path(planted));
      fs.linkSync(desk.path("victim"), desk.path(planted));
      assertFailed(desk, await desk.dfget(["-O", "y", origin.url("/x")]), "output.not-writable", "y");
      fs.unlinkSync(desk.path(planted));
    }
    assert.equal(desk.read("victim").toString(), "victim");
  });

  story("that came to be during the download is kept", async ({ desk, origin }) => {
    const written = Promise.withResolvers<void>();
    origin.serve("/x", { ...object, held: { afterBytes: MB, until: written.promise } });
    const outcome = await desk.dfget([origin.url("/x")], {
      meanwhile: async () => {
        await until("it runs", () => origin.bodyBytes("/x") >= MB);
        fs.writeFileSync(desk.path("x"), "newer");
        written.resolve();
      },
    });
    assert.equal(outcome.status, errorTable["output.exists"].exit, outcome.stderr);
    assert.equal(desk.read("x").toString(), "newer");
  });

  story("that cannot be written says so", async ({ desk, origin }) => {
    origin.serve("/x", object);
    const homeless = await desk.dfget(["-O", "missing/x", origin.url("/x")]);
    assertFailed(desk, homeless, "output.not-writable");
    assert.match(homeless.stderr, /missing: there is no such folder; make it/);
    assertFailed(desk, await desk.dfget(["-i", "no-list"]), "disk.failed");
    fs.mkdirSync(desk.path("folder"));
    assertFailed(desk, await desk.dfget(["-O", "folder", origin.url("/x")]), "output.not-writable");
    assert.equal((await desk.dfget(["-P", "new/er", origin.url("/x")])).status, 0);
    assert.ok(desk.read("new/er/x").equals(bytesOf(object)));
  });

  story("is taken by one dfget at a time", async ({ desk, origin }) => {
    const refused = Promise.withResolvers<void>();
    origin.serve("/x", { ...object, held: { afterBytes: MB, until: refused.promise } });
    const first = desk.dfget([origin.url("/x")]);
    await until("the first one has begun", () => origin.bodyBytes("/x") >= MB);
    const second = await desk.dfget([origin.url("/x")]);
    refused.resolve();
    assert.equal(second.status, errorTable["output.not-writable"].exit, second.stderr);
    assert.match(second.stderr, /another dfget/);
    assert.equal((await first).status, 0);
    assert.ok(desk.read("x").equals(bytesOf(object)));
  });

  story("a full disk ends it in one line, and what came is kept", async ({ desk, origin, skip }) => {
    const mounted = process.getuid?.() === 0 && mountSmall(desk.path("small"));
    if (!mounted) return skip("a small file system needs root");
    try {
      for (const script of [object, { ...object, lengthHeader: "absent" as const }]) {
        origin.serve("/x", script);
        assertFailed(desk, await desk.dfget(["-P", "small", origin.url("/x")]), "disk.full");
      }
    } finally {
      spawnSync("umount", [desk.path("small")]);
    }
  });
});

function mountSmall(path: string): boolean {
  fs.mkdirSync(path);
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path]).status === 0;
}

describe("a pipe", together, () => {
  story("gets the bytes in order", async ({ desk, origin }) => {
    origin.serve("/x", { ...object, resetAfterBytes: 2 * MB, misbehavesTimes: 1 });
    const outcome = await desk.dfget(["-O", "-", "--json", origin.url("/x")]);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.ok(outcome.stdout.equals(bytesOf(object)));
    assert.deepEqual(desk.names(), []);
    const events = outcome.stderr
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { event: string }).event);
    assert.ok(events.includes("retry") && events.at(-1) === "done");
  });

  story("by name or as /dev/stdout gets them too", async ({ desk, origin }) => {
    origin.serve("/x", object);
    const asDevice = await desk.dfget(["-q", "-O", "/dev/stdout", origin.url("/x")]);
    assert.ok(asDevice.stdout.equals(bytesOf(object)));
    spawnSync("mkfifo", [desk.path("fifo")]);
    const named = await desk.dfget(["-q", "-O", "fifo", origin.url("/x")], { shell: 'cat fifo > copy & "$@"; wait' });
    assert.equal(named.status, 0, named.stderr);
    assert.ok(desk.read("copy").equals(bytesOf(object)));
  });

  story("never gets the end of an object that is not what it should be", async ({ desk, origin }) => {
    origin.serve("/x", object);
    const wrong = `sha256:${"0".repeat(64)}`;
    const outcome = await desk.dfget(["-O", "-", "--digest", wrong, origin.url("/x")]);
    assert.equal(outcome.status, errorTable["digest.mismatch"].exit);
    assert.ok(outcome.stdout.length < 3 * MB);
  });

  story("whose reader ends early is left quietly", async ({ desk, origin }) => {
    origin.serve("/x", { ...object, rateBytesPerSecond: 6 * MB });
    const outcome = await desk.dfget(["-O", "-", origin.url("/x")], { shell: '"$@" | head -c 10; exit 0' });
    assert.equal(outcome.stdout.length, 10);
    assert.equal(outcome.stderr, "");
  });

  story("whose reader does not read does not keep a signal from ending it", async ({ desk, origin }) => {
    origin.serve("/x", object);
    const outcome = await desk.dfget(["-O", "-", origin.url("/x")], {
      meanwhile: async (child) => {
        child.stdout!.pause();
        await until("the first byte was sent", () => origin.bodyBytes("/x") > 0);
        await delay(200);
        child.kill("SIGTERM");
        await Promise.race([
          new Promise((resolve) => child.once("exit", resolve)),
          delay(10_000, undefined, { ref: false }),
        ]);
        assert.equal(child.exitCode, errorTable.interrupted.exit);
        child.stdout!.resume();
      },
    });
    assert.match(outcome.stderr, /stopped by SIGTERM/);
  });
});

describe("a list", together, () => {
  story(
    "comes several at a time; the first failure is the exit status, the others still come",
    async ({ desk, origin }) => {
      const lines: string[] = [];
      for (let index = 0; index < 8; index++) {
        origin.serve(`/item-${index}`, object);
        lines.push([origin.url(`/item-${index}`), `out-${index}`, index % 2 === 0 ? digestOf(object) : ""].join("\t"));
      }
      lines.splice(3, 0, "# a comment", `${origin.url("/missing")}\tlost`);
      const outcome = await desk.dfget(["-i", "-", "-P", "all"], { input: `${lines.join("\n")}\n` });
      assert.equal(outcome.status, errorTable["origin.not-found"].exit);
      assert.match(outcome.stderr, /8 of 9 objects: 24\.0 MB/);
      assert.equal(fs.readdirSync(desk.path("all")).length, 8);
    },
  );

  story("into one output twice is refused before anything is fetched", async ({ desk, origin }) => {
    const before = origin.requests.length;
    assertFailed(desk, await desk.dfget([origin.url("/x"), origin.url("/x")]), "usage");
    assertFailed(desk, await desk.dfget(["-O", "y", origin.url("/x"), origin.url("/y")]), "usage");
    assert.equal(origin.requests.length, before);
  });
});
