/** dfget alone, as a process, against an origin that misbehaves: what it leaves, says and ends with. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { errorTable, type ErrorCode } from "#base/mod.ts";
import { decodeJournal } from "#storage/pieces/mod.ts";
import { contentOf, startTestOrigin, type ObjectScript, type TestOrigin } from "../origin/mod.ts";
import { Desk, type Outcome } from "./run-dfget.ts";

const MB = 1_000_000;
const lastModified = "Sat, 01 Nov 2025 10:00:00 GMT";

let origin: TestOrigin;
let desk: Desk;

before(async () => {
  origin = await startTestOrigin();
});
after(() => origin.close());
beforeEach(() => {
  desk = new Desk();
});
afterEach(() => desk.remove());

function bytesOf(script: ObjectScript, version = 1): Buffer {
  const content = contentOf(script, version);
  return content.read(0, content.sizeBytes);
}

function digestOf(script: ObjectScript, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytesOf(script)).digest("hex")}`;
}

/** It failed as the table says, in one line, with nothing under the final name. */
function assertFailed(outcome: Outcome, code: ErrorCode, output = "x"): void {
  assert.equal(outcome.status, errorTable[code].exit, `${code}: ${outcome.stderr}`);
  const lines = outcome.stderr.trimEnd().split("\n");
  assert.match(lines.at(-1)!, /^dfget: (?:cannot|stopped) /);
  assert.doesNotMatch(outcome.stderr, /\n\s+at /);
  assert.ok(!desk.names().includes(output), "nothing lies under the final name");
}

const object: ObjectScript = { body: { sizeBytes: 3 * MB, seed: 5 }, lastModified };

describe("a download", () => {
  test("saves under the URL's last segment, with the object's time, and leaves nothing else", async () => {
    origin.serve("/a/data%20one.bin", object);
    const outcome = await desk.dfget([origin.url("/a/data%20one.bin?signature=secret")]);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.deepEqual(desk.names(), ["data one.bin"]);
    assert.ok(desk.read("data one.bin").equals(bytesOf(object)));
    assert.equal(fs.statSync(desk.path("data one.bin")).mtimeMs, Date.parse(lastModified));
    assert.match(outcome.stderr, /^data one\.bin: 3\.00 MB in .*, origin 3\.00 MB\n$/);
  });

  test("takes several connections once a large object has shown ranges, and asks each byte once", async () => {
    const large: ObjectScript = { body: { sizeBytes: 160 * MB, seed: 8 } };
    origin.serve("/large", large);
    const outcome = await desk.dfget(["-q", "-O", "x", "--digest", digestOf(large), origin.url("/large")]);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.equal(outcome.stderr, "");
    assert.ok(origin.requestsOf("/large").length > 1, "ranges were asked");
    assert.ok(origin.bodyBytes("/large") <= 160 * MB * 1.02, `${origin.bodyBytes("/large")} bytes were sent`);
  });

  for (const [what, script] of [
    ["no Content-Length", { lengthHeader: "absent" }],
    ["chunks", { chunked: true, lengthHeader: "absent" }],
    ["no range support", { ranges: false }],
    ["no validator", { etag: null }],
    ["three answers of 503", { status: 503, retryAfter: "0", misbehavesTimes: 3 }],
    ["a reset in the middle, twice", { resetAfterBytes: MB, misbehavesTimes: 2 }],
    ["an end that comes too early", { closeAfterBytes: MB, misbehavesTimes: 1 }],
    ["a stall", { stallAfterBytes: MB, misbehavesTimes: 1 }],
    ["a new version in the middle", { changeAfterBytes: MB, resetAfterBytes: 2 * MB, misbehavesTimes: 1 }],
  ] as const satisfies readonly (readonly [string, ObjectScript])[]) {
    test(`comes whole in spite of ${what}`, async () => {
      const bad: ObjectScript = { ...object, ...script };
      origin.serve("/x", bad);
      const outcome = await desk.dfget(["-T", "1s", origin.url("/x")]);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.deepEqual(desk.names(), ["x"]);
      const version = "changeAfterBytes" in script ? 2 : 1;
      assert.ok(desk.read("x").equals(bytesOf(bad, version)), "the bytes are right");
    });
  }

  test("of nothing is an empty file", async () => {
    origin.serve("/x", {});
    assert.equal((await desk.dfget([origin.url("/x")])).status, 0);
    assert.equal(desk.read("x").length, 0);
    assert.deepEqual(desk.names(), ["x"]);
  });

  test("of a range has just those bytes, also where the origin ignores ranges", async () => {
    for (const ranges of [true, false]) {
      origin.serve("/x", { ...object, ranges });
      const outcome = await desk.dfget(["--range", "1000-2499", "-O", `x${ranges}`, origin.url("/x")]);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.ok(desk.read(`x${ranges}`).equals(bytesOf(object).subarray(1000, 2500)));
    }
  });

  test("is proved by the digest that the user or the origin tells", async () => {
    origin.serve("/x", { ...object, digests: ["repr-digest"] });
    for (const algorithm of ["sha256", "sha512", "md5"]) {
      const outcome = await desk.dfget(["-O", algorithm, "--digest", digestOf(object, algorithm), origin.url("/x")]);
      assert.equal(outcome.status, 0, outcome.stderr);
    }
    origin.serve("/x", { ...object, digests: ["repr-digest"], digestsWrong: true });
    assertFailed(await desk.dfget([origin.url("/x")]), "digest.mismatch");
    assert.deepEqual(desk.names(), ["md5", "sha256", "sha512"]);
  });

  test("keeps to --limit-rate", async () => {
    origin.serve("/x", object);
    const startedMs = performance.now();
    await desk.dfget(["--limit-rate", "2MB", origin.url("/x")]);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs > 1300 && tookMs < 4000, `3 MB at 2 MB/s took ${tookMs} ms`);
  });
});

describe("trouble at the origin", () => {
  for (const [code, script] of [
    ["origin.unauthorized", { status: 401 }],
    ["origin.forbidden", { status: 403 }],
    ["origin.not-found", { status: 404 }],
    ["origin.gone", { status: 410 }],
    ["origin.rate-limited", { status: 429, retryAfter: "3600" }],
    ["origin.server-error", { status: 500 }],
    ["origin.redirect-loop", { redirectTo: "/x" }],
    ["origin.redirect-scheme", { redirectTo: "ftp://example.org/x" }],
    ["origin.body-short", { ...object, lengthHeader: "larger" }],
    ["origin.body-long", { ...object, lengthHeader: "smaller" }],
    ["origin.changed", { ...object, changeAfterBytes: MB, resetAfterBytes: 2 * MB, changesMax: 9 }],
    ["origin.protocol", { raw: "SSH-2.0-OpenSSH_9.2\r\n" }],
    ["network.timeout", { silent: true }],
  ] as const satisfies readonly (readonly [ErrorCode, ObjectScript])[]) {
    test(`ends with ${code}`, async () => {
      origin.serve("/x", script);
      const outcome = await desk.dfget(["-t", "3", "-T", "300ms", "--timeout", "20s", origin.url("/x?secret=1")]);
      assertFailed(outcome, code);
      assert.doesNotMatch(outcome.stderr, /secret/);
    });
  }

  for (const [code, url] of [
    ["url.malformed", "example.org/x"],
    ["url.scheme", "gopher://example.org/x"],
    ["network.unknown-host", "http://no-such-host.invalid/x"],
    ["network.refused", "http://127.0.0.1:1/x"],
  ] as const) {
    test(`ends with ${code} for ${url}, at once`, async () => {
      const startedMs = performance.now();
      assertFailed(await desk.dfget([url]), code);
      assert.deepEqual(desk.names(), []);
      assert.ok(performance.now() - startedMs < 5000);
    });
  }

  test("ends with the TLS code that fits, and trusts what --ca-certificate names", async () => {
    for (const [https, code] of [
      ["good", "tls.untrusted"],
      ["wrong-name", "tls.name"],
      ["expired", "tls.expired"],
    ] as const) {
      const secure = await startTestOrigin({ https: https as never });
      try {
        secure.serve("/x", object);
        fs.writeFileSync(desk.path("ca.pem"), secure.caCertificate!);
        const trusting = ["--ca-certificate", "ca.pem"];
        const outcome = await desk.dfget([...(code === "tls.untrusted" ? [] : trusting), secure.url("/x")]);
        assertFailed(outcome, code);
        if (code !== "tls.untrusted") continue;
        const trusted = await desk.dfget([...trusting, "-O", "fine", secure.url("/x")]);
        assert.equal(trusted.status, 0, trusted.stderr);
      } finally {
        await secure.close();
      }
    }
  });

  test("ends with the deadline's code when the whole takes too long", async () => {
    origin.serve("/x", { ...object, rateBytesPerSecond: MB / 4 });
    assertFailed(await desk.dfget(["--timeout", "1s", origin.url("/x")]), "deadline");
  });
});

describe("headers", () => {
  test("go to the origin from flags, files, the URL and netrc, and into no message", async () => {
    const login = `Basic ${Buffer.from("ann:s3cret").toString("base64")}`;
    origin.serve("/x", { ...object, needsHeader: { name: "authorization", value: login } });
    fs.writeFileSync(
      desk.path("headers"),
      `# not a header file's comment: kept out\nAuthorization: ${login}\n`.split("\n").slice(1).join("\n"),
    );
    fs.writeFileSync(desk.path("netrc"), "machine 127.0.0.1 login ann password s3cret\n");
    const withUser = origin.url("/x").replace("//", "//ann:s3cret@");
    const environment = { NETRC: desk.path("netrc") };
    for (const flags of [
      ["-O", "1", "--header", `Authorization: ${login}`, origin.url("/x")],
      ["-O", "2", "-H", "@headers", origin.url("/x")],
      ["-O", "3", withUser],
      ["-O", "4", "--netrc", origin.url("/x")],
    ]) {
      const outcome = await desk.dfget(flags, { environment });
      assert.equal(outcome.status, 0, outcome.stderr);
    }
    const refused = await desk.dfget([withUser.replace("s3cret", "wr0ng")]);
    assertFailed(refused, "origin.unauthorized");
    assert.doesNotMatch(refused.stderr, /wr0ng|Basic/);
  });
});

describe("the output", () => {
  test("that exists is never written over, unless -O names it; -nc keeps it; -c checks it", async () => {
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
  });

  test("is not replaced by a download that fails", async () => {
    fs.writeFileSync(desk.path("y"), "mine");
    origin.serve("/x", { ...object, closeAfterBytes: MB });
    assert.notEqual((await desk.dfget(["-t", "1", "-O", "y", origin.url("/x")])).status, 0);
    assert.equal(desk.read("y").toString(), "mine");
  });

  test("is nowhere else when a link was planted, at its path or at the hidden files'", async () => {
    origin.serve("/x", object);
    fs.writeFileSync(desk.path("victim"), "victim");
    fs.symlinkSync("victim", desk.path("x"));
    assert.equal((await desk.dfget([origin.url("/x")])).status, errorTable["output.exists"].exit);
    assert.equal((await desk.dfget(["-O", "x", origin.url("/x")])).status, 0);
    assert.ok(!fs.lstatSync(desk.path("x")).isSymbolicLink());
    for (const planted of [".y.darner-part", ".y.darner-journal"]) {
      fs.symlinkSync("victim", desk.path(planted));
      assertFailed(await desk.dfget(["-O", "y", origin.url("/x")]), "output.not-writable", "y");
      fs.unlinkSync(desk.path(planted));
      fs.linkSync(desk.path("victim"), desk.path(planted));
      assertFailed(await desk.dfget(["-O", "y", origin.url("/x")]), "output.not-writable", "y");
      fs.unlinkSync(desk.path(planted));
    }
    assert.equal(desk.read("victim").toString(), "victim");
  });

  test("that came to be during the download is kept", async () => {
    origin.serve("/x", { ...object, rateBytesPerSecond: 3 * MB });
    const outcome = await desk.dfget([origin.url("/x")], {
      meanwhile: async () => {
        await delay(700);
        fs.writeFileSync(desk.path("x"), "newer");
      },
    });
    assert.equal(outcome.status, errorTable["output.exists"].exit, outcome.stderr);
    assert.equal(desk.read("x").toString(), "newer");
  });

  test("that cannot be written says so", async () => {
    origin.serve("/x", object);
    assertFailed(await desk.dfget(["-O", "missing/x", origin.url("/x")]), "output.not-writable");
    fs.mkdirSync(desk.path("folder"));
    assertFailed(await desk.dfget(["-O", "folder", origin.url("/x")]), "output.not-writable");
    assert.equal((await desk.dfget(["-P", "new/er", origin.url("/x")])).status, 0);
    assert.ok(desk.read("new/er/x").equals(bytesOf(object)));
  });

  test("is taken by one dfget at a time", async () => {
    origin.serve("/x", { ...object, rateBytesPerSecond: 2 * MB });
    const first = desk.dfget([origin.url("/x")]);
    while (!desk.names().includes(".x.darner-journal")) await delay(20);
    const second = await desk.dfget([origin.url("/x")]);
    assert.equal(second.status, errorTable["output.not-writable"].exit, second.stderr);
    assert.match(second.stderr, /another dfget/);
    assert.equal((await first).status, 0);
    assert.ok(desk.read("x").equals(bytesOf(object)));
  });

  test("a full disk ends it in one line, and what came is kept", async (context) => {
    const mounted = process.getuid?.() === 0 && mountSmall(desk.path("small"));
    if (!mounted) return context.skip("a small file system needs root");
    try {
      for (const script of [object, { ...object, lengthHeader: "absent" as const }]) {
        origin.serve("/x", script);
        assertFailed(await desk.dfget(["-P", "small", origin.url("/x")]), "disk.full");
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

describe("a pipe", () => {
  test("gets the bytes in order", async () => {
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

  test("by name or as /dev/stdout gets them too", async () => {
    origin.serve("/x", object);
    const asDevice = await desk.dfget(["-q", "-O", "/dev/stdout", origin.url("/x")]);
    assert.ok(asDevice.stdout.equals(bytesOf(object)));
    spawnSync("mkfifo", [desk.path("fifo")]);
    const named = await desk.dfget(["-q", "-O", "fifo", origin.url("/x")], { shell: 'cat fifo & "$@"; wait' });
    assert.equal(named.status, 0, named.stderr);
    assert.ok(named.stdout.equals(bytesOf(object)));
  });

  test("never gets the end of an object that is not what it should be", async () => {
    origin.serve("/x", object);
    const wrong = `sha256:${"0".repeat(64)}`;
    const outcome = await desk.dfget(["-O", "-", "--digest", wrong, origin.url("/x")]);
    assert.equal(outcome.status, errorTable["digest.mismatch"].exit);
    assert.ok(outcome.stdout.length < 3 * MB);
  });

  test("whose reader ends early is left quietly", async () => {
    origin.serve("/x", { ...object, rateBytesPerSecond: 6 * MB });
    const outcome = await desk.dfget(["-O", "-", origin.url("/x")], { shell: '"$@" | head -c 10; exit 0' });
    assert.equal(outcome.stdout.length, 10);
    assert.equal(outcome.stderr, "");
  });

  test("whose reader does not read does not keep a signal from ending it", async () => {
    origin.serve("/x", object);
    const outcome = await desk.dfget(["-O", "-", origin.url("/x")], {
      meanwhile: async (child) => {
        child.stdout!.pause();
        await delay(800);
        child.kill("SIGTERM");
        await Promise.race([new Promise((resolve) => child.once("exit", resolve)), delay(4000)]);
        assert.equal(child.exitCode, errorTable.interrupted.exit);
        child.stdout!.resume();
      },
    });
    assert.match(outcome.stderr, /stopped by SIGTERM/);
  });
});

describe("an interrupted download", () => {
  /** 64 pieces, at a rate that leaves time to be killed. */
  const slow: ObjectScript = { body: { sizeBytes: 12 * MB, seed: 6 }, rateBytesPerSecond: 10 * MB };

  function journaledPieces(): number {
    const names = desk.names();
    if (!names.includes(".x.darner-journal")) return 0;
    return decodeJournal(desk.read(".x.darner-journal")).records.filter((record) => record.kind === "piece").length;
  }

  test("goes on after kill -9 at any moment, and fetches only what the journal lacks", async () => {
    const pieceBytes = 131_072;
    for (const killAfterMs of [0, 60, 150, 300, 550, 800, 1100]) {
      origin.serve("/x", slow);
      const killed = await desk.dfget([origin.url("/x")], {
        meanwhile: async (child) => {
          for (let waited = 0; waited < 5000 && origin.bodyBytes("/x") === 0; waited += 5) await delay(5);
          await delay(killAfterMs);
          child.kill("SIGKILL");
        },
      });
      if (killed.signal === null) assert.equal(killed.status, 0, killed.stderr);
      const pieces = desk.names().includes("x") ? Infinity : journaledPieces();
      origin.serve("/x", { ...slow, rateBytesPerSecond: 100 * MB });
      const flags = pieces === Infinity ? ["-nc"] : [];
      const resumed = await desk.dfget([...flags, "--digest", digestOf(slow), origin.url("/x")]);
      assert.equal(resumed.status, 0, resumed.stderr);
      assert.ok(desk.read("x").equals(bytesOf(slow)));
      const missing = Math.max(0, 12 * MB - pieces * pieceBytes);
      assert.ok(origin.bodyBytes("/x") <= missing, `${origin.bodyBytes("/x")} fetched, ${missing} were missing`);
      assert.deepEqual(desk.names(), ["x"]);
      fs.unlinkSync(desk.path("x"));
    }
  });

  test("by SIGINT ends with its own status and goes on later", async () => {
    origin.serve("/x", slow);
    const stopped = await desk.dfget([origin.url("/x")], {
      meanwhile: async (child) => {
        while (journaledPieces() < 10) await delay(10);
        child.kill("SIGINT");
      },
    });
    assertFailed(stopped, "interrupted");
    const kept = journaledPieces();
    assert.ok(kept >= 10);
    origin.serve("/x", { ...slow, rateBytesPerSecond: 100 * MB });
    const resumed = await desk.dfget(["--json", origin.url("/x")]);
    const last = JSON.parse(resumed.stdout.toString().trimEnd().split("\n").at(-1)!) as { bytes: { local: number } };
    assert.ok(last.bytes.local >= 10 * 131_072);
    assert.ok(desk.read("x").equals(bytesOf(slow)));
  });

  test("starts again when the object has changed since, or another is wanted", async () => {
    for (const next of ["changed", "other"]) {
      origin.serve("/x", { ...slow, closeAfterBytes: 4 * MB });
      assert.notEqual((await desk.dfget(["-t", "1", origin.url("/x")])).status, 0);
      const fresh: ObjectScript = { body: { sizeBytes: 12 * MB, seed: 7 }, etag: `"${next}"` };
      origin.serve("/x", fresh);
      origin.serve("/other", fresh);
      const resumed = await desk.dfget(["-O", "x", origin.url(next === "other" ? "/other" : "/x")]);
      assert.equal(resumed.status, 0, resumed.stderr);
      assert.ok(desk.read("x").equals(bytesOf(fresh)));
      fs.unlinkSync(desk.path("x"));
    }
  });

  test("with a journal or a part that was spoilt comes whole all the same", async () => {
    for (const spoil of [
      () => fs.truncateSync(desk.path(".x.darner-part"), MB),
      () => fs.writeFileSync(desk.path(".x.darner-journal"), "no journal of ours"),
      () => fs.appendFileSync(desk.path(".x.darner-journal"), Buffer.alloc(30)),
    ]) {
      origin.serve("/x", { ...slow, rateBytesPerSecond: 100 * MB, closeAfterBytes: 4 * MB });
      await desk.dfget(["-t", "1", origin.url("/x")]);
      spoil();
      origin.serve("/x", { ...slow, rateBytesPerSecond: 100 * MB });
      const resumed = await desk.dfget([origin.url("/x")]);
      assert.equal(resumed.status, 0, resumed.stderr);
      assert.ok(desk.read("x").equals(bytesOf(slow)));
      fs.unlinkSync(desk.path("x"));
    }
  });
});

describe("a list", () => {
  test("comes several at a time; the first failure is the exit status, the others still come", async () => {
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
  });

  test("into one output twice is refused before anything is fetched", async () => {
    origin.serve("/x", object);
    assertFailed(await desk.dfget([origin.url("/x"), origin.url("/x")]), "usage");
    assertFailed(await desk.dfget(["-O", "y", origin.url("/x"), origin.url("/y")]), "usage");
    assert.equal(origin.requestsOf("/x").length, 0);
  });
});

describe("the way", () => {
  test("is explained, with how to share", async () => {
    origin.serve("/x", object);
    const outcome = await desk.dfget(["--explain", origin.url("/x")]);
    assert.match(outcome.stderr, /no host daemon answers/);
    assert.match(outcome.stderr, /to share with other hosts, run darner up/);
  });

  test("to the origin is not taken when it is forbidden", async () => {
    origin.serve("/x", object);
    assertFailed(await desk.dfget(["--no-back-to-source", origin.url("/x")]), "daemon.unreachable");
    assert.equal(origin.requestsOf("/x").length, 0);
  });
});
