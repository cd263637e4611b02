/** dfget alone, as a process, against an origin that misbehaves: what it fetches, says and ends with. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe } from "node:test";
import { type ErrorCode } from "#base/mod.ts";
import { startTestOrigin, type ObjectScript } from "../origin/mod.ts";
import { assertFailed, bytesOf, digestOf, lastModified, MB, object, story, together } from "./dfget-scene.ts";

describe("a download", together, () => {
  story(
    "saves under the URL's last segment, with the object's time, and leaves nothing else",
    async ({ desk, origin }) => {
      origin.serve("/a/data%20one.bin", object);
      const outcome = await desk.dfget([origin.url("/a/data%20one.bin?signature=secret")]);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.deepEqual(desk.names(), ["data one.bin"]);
      assert.ok(desk.read("data one.bin").equals(bytesOf(object)));
      assert.equal(fs.statSync(desk.path("data one.bin")).mtimeMs, Date.parse(lastModified));
      assert.match(outcome.stderr, /^data one\.bin: 3\.00 MB in .*, origin 3\.00 MB\n$/);
    },
  );

  story(
    "takes several connections once a large object has shown ranges, and asks each byte once",
    async ({ desk, origin }) => {
      const large: ObjectScript = { body: { sizeBytes: 160 * MB, seed: 8 } };
      origin.serve("/large", large);
      const outcome = await desk.dfget(["-q", "-O", "x", "--digest", digestOf(large), origin.url("/large")]);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.equal(outcome.stderr, "");
      assert.ok(origin.requests.length > 1, "ranges were asked");
      // Where another connection takes over, what loopback's buffers hold is lost: up to 10 MB at each of three cuts.
      assert.ok(origin.bodyBytes("/large") <= 190 * MB, `${origin.bodyBytes("/large")} bytes were sent`);
    },
  );

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
    story(`comes whole in spite of ${what}`, async ({ desk, origin }) => {
      const bad: ObjectScript = { ...object, ...script };
      origin.serve("/x", bad);
      // Whoever else stands still for a second is not to be taken for a stall.
      const patience = "stallAfterBytes" in script ? "1s" : "10s";
      const outcome = await desk.dfget(["-T", patience, origin.url("/x")]);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.deepEqual(desk.names(), ["x"]);
      const version = "changeAfterBytes" in script ? 2 : 1;
      assert.ok(desk.read("x").equals(bytesOf(bad, version)), "the bytes are right");
    });
  }

  story("of nothing is an empty file", async ({ desk, origin }) => {
    origin.serve("/x", {});
    assert.equal((await desk.dfget([origin.url("/x")])).status, 0);
    assert.equal(desk.read("x").length, 0);
    assert.deepEqual(desk.names(), ["x"]);
  });

  story("of a range has just those bytes, also where the origin ignores ranges", async ({ desk, origin }) => {
    for (const ranges of [true, false]) {
      origin.serve("/x", { ...object, ranges });
      const outcome = await desk.dfget(["--range", "1000-2499", "-O", `x${ranges}`, origin.url("/x")]);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.ok(desk.read(`x${ranges}`).equals(bytesOf(object).subarray(1000, 2500)));
    }
  });

  story("is proved by the digest that the user or the origin tells", async ({ desk, origin }) => {
    origin.serve("/x", { ...object, digests: ["repr-digest"] });
    for (const algorithm of ["sha256", "sha512", "md5"]) {
      const outcome = await desk.dfget(["-O", algorithm, "--digest", digestOf(object, algorithm), origin.url("/x")]);
      assert.equal(outcome.status, 0, outcome.stderr);
    }
    origin.serve("/x", { ...object, digests: ["repr-digest"], digestsWrong: true });
    assertFailed(desk, await desk.dfget([origin.url("/x")]), "digest.mismatch");
    assert.deepEqual(desk.names(), ["md5", "sha256", "sha512"]);
  });

  story("keeps to --limit-rate", async ({ desk, origin }) => {
    origin.serve("/x", object);
    const startedMs = performance.now();
    await desk.dfget(["--limit-rate", "2MB", origin.url("/x")]);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs > 1300 && tookMs < 10_000, `3 MB at 2 MB/s took ${tookMs} ms`);
  });
});

describe("trouble at the origin", together, () => {
  for (const [code, script] of [
    ["origin.unauthorized", { status: 401 }],
    ["origin.forbidden", { status: 403 }],
    ["origin.not-found", { status: 404 }],
    ["origin.gone", { status: 410 }],
    ["origin.rate-limited", { status: 429, retryAfter: "3600" }],
    ["origin.server-error", { status: 500 }],
    ["origin.redirect-loop", { redirectTo: "x" }],
    ["origin.redirect-scheme", { redirectTo: "ftp://example.org/x" }],
    ["origin.body-short", { ...object, lengthHeader: "larger" }],
    // Behind a long body nobody looks; its connection is not used again.
    ["origin.body-long", { ...object, body: { sizeBytes: 400_000, seed: 2 }, lengthHeader: "smaller" }],
    ["origin.changed", { ...object, changeAfterBytes: MB, resetAfterBytes: 2 * MB, changesMax: 9 }],
    ["origin.protocol", { raw: "SSH-2.0-OpenSSH_9.2\r\n" }],
    ["network.timeout", { silent: true }],
  ] as const satisfies readonly (readonly [ErrorCode, ObjectScript])[]) {
    story(`ends with ${code}`, async ({ desk, origin }) => {
      origin.serve("/x", script);
      const tries = code === "origin.changed" ? "3" : "1";
      const outcome = await desk.dfget([
        "-t",
        tries,
        "-T",
        code === "network.timeout" ? "300ms" : "10s",
        origin.url("/x?secret=1"),
      ]);
      assertFailed(desk, outcome, code);
      assert.doesNotMatch(outcome.stderr, /secret/);
    });
  }

  for (const [code, url] of [
    ["url.malformed", "example.org/x"],
    ["url.scheme", "gopher://example.org/x"],
    // Longer than a name's part may be: no server needs to be asked.
    ["network.unknown-host", `http://${"a".repeat(64)}.invalid/x`],
    ["network.refused", "http://127.0.0.1:1/x"],
  ] as const) {
    story(`ends with ${code} for ${url}, at once`, async ({ desk }) => {
      const startedMs = performance.now();
      assertFailed(desk, await desk.dfget([url]), code);
      assert.deepEqual(desk.names(), []);
      assert.ok(performance.now() - startedMs < 5000);
    });
  }

  story("ends with the TLS code that fits, and trusts what --ca-certificate names", async ({ desk }) => {
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
        assertFailed(desk, outcome, code);
        if (code !== "tls.untrusted") continue;
        const trusted = await desk.dfget([...trusting, "-O", "fine", secure.url("/x")]);
        assert.equal(trusted.status, 0, trusted.stderr);
      } finally {
        await secure.close();
      }
    }
  });

  story("ends with the deadline's code when the whole takes too long", async ({ desk, origin }) => {
    origin.serve("/x", { ...object, rateBytesPerSecond: MB / 4 });
    assertFailed(desk, await desk.dfget(["--timeout", "1s", origin.url("/x")]), "deadline");
  });
});

describe("headers", together, () => {
  story("go to the origin from flags, files, the URL and netrc, and into no message", async ({ desk, origin }) => {
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
    assertFailed(desk, refused, "origin.unauthorized");
    assert.doesNotMatch(refused.stderr, /wr0ng|Basic/);
  });
});

describe("the way", together, () => {
  story("is explained, with how to share", async ({ desk, origin }) => {
    origin.serve("/x", object);
    const outcome = await desk.dfget(["--explain", origin.url("/x")]);
    assert.match(outcome.stderr, /no host daemon answers/);
    assert.match(outcome.stderr, /to share with other hosts, run darner up/);
  });

  story("past a socket that is there and cannot be used is told without being asked", async ({ desk, origin }) => {
    origin.serve("/x", object);
    fs.symlinkSync("d.sock", desk.path("d.sock"));
    const outcome = await desk.dfget(["--socket", desk.path("d.sock"), origin.url("/x")]);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.match(outcome.stderr, /^dfget: no host daemon answers at \S+d\.sock: connect ELOOP/);
  });

  story("through a daemon that cannot start is left at once, with the daemon's own word", async ({ desk, origin }) => {
    origin.serve("/x", object);
    const startedMs = performance.now();
    const environment = { DARNER_MANAGER: "https://127.0.0.1:1" };
    const outcome = await desk.dfget([origin.url("/x")], { environment });
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.match(outcome.stderr, /ended at once: .* has not joined its cluster; run darner join .*going on alone/);
    assert.ok(performance.now() - startedMs < 8_000, "it waited for a daemon that was gone");
  });

  story("to the origin is not taken when it is forbidden", async ({ desk, origin }) => {
    const before = origin.requests.length;
    assertFailed(desk, await desk.dfget(["--no-back-to-source", origin.url("/x")]), "daemon.unreachable");
    assert.equal(origin.requests.length, before);
  });
});
