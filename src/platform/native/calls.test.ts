/** The native calls over real sockets: byte-exact with many readers, no descriptor lost, quiet where absent. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { absentNative, descriptorsMax, messageBytesMax } from "./calls.ts";
import { loadNative } from "./calls.node.ts";

const native = loadNative();
const needsNative = { skip: native.available ? false : "needs FFI on Linux, and DARNER_NATIVE not off" };

/** Odd numbers, so that no position is right by chance. */
const fileBytes = 5_000_011;
const callBytes = 256 * 1024 - 1;

function openDescriptors(): number {
  return fs.readdirSync("/proc/self/fd").length;
}

/** Descriptors are closed in the pool and after 'close' events: wait for the count, but not for ever. */
async function untilDescriptors(count: number): Promise<void> {
  for (let wait = 0; wait < 200 && openDescriptors() > count; wait++) await delay(10);
  assert.ok(openDescriptors() <= count, `${openDescriptors()} descriptors are open, ${count} were before`);
}

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "darner-native-"));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

function patternFile(t: TestContext): { descriptor: number; digest: string } {
  const bytes = Buffer.alloc(fileBytes);
  for (let index = 0; index + 4 <= fileBytes; index += 4) bytes.writeUInt32LE((index * 2654435761) >>> 0, index);
  const name = path.join(folder(t), "content");
  fs.writeFileSync(name, bytes);
  const descriptor = fs.openSync(name, "r");
  t.after(() => fs.closeSync(descriptor));
  return { descriptor, digest: createHash("sha256").update(bytes).digest("hex") };
}

/** Sends the file as the port's caller would: sendfile, and a small plain write where it takes none. */
async function sendWhole(socket: net.Socket, descriptor: number): Promise<void> {
  const slice = Buffer.alloc(4095);
  for (let position = 0; position < fileBytes && !socket.destroyed;) {
    const taken = native.sendFile(socket, descriptor, position, Math.min(callBytes, fileBytes - position));
    assert.notEqual(taken, 0, "the file is as long as promised");
    if (taken > 0) {
      position += taken;
      await new Promise(setImmediate);
      continue;
    }
    const count = fs.readSync(descriptor, slice, 0, Math.min(slice.length, fileBytes - position), position);
    await new Promise((resolve) => socket.write(Buffer.from(slice.subarray(0, count)), resolve));
    position += count;
  }
}

async function serving(t: TestContext, serve: (socket: net.Socket) => Promise<void>): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    void serve(socket).then(() => socket.end());
  });
  t.after(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as net.AddressInfo).port;
}

async function download(port: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of net.connect(port, "127.0.0.1")) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Leaves after the first bytes; every second one with a reset. */
async function vanish(port: number, index: number): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "data");
  if (index % 2 === 0) socket.resetAndDestroy();
  else socket.destroy();
  await once(socket, "close");
}

describe("sendfile", needsNative, () => {
  for (const [readers, vanishing] of [
    [1, 0],
    [50, 0],
    [20, 20],
  ] as const) {
    test(`${readers} readers get every byte while ${vanishing} others vanish`, async (t) => {
      const { descriptor, digest } = patternFile(t);
      const port = await serving(t, (socket) => sendWhole(socket, descriptor));
      const before = openDescriptors();
      const gone = Array.from({ length: vanishing }, (_, index) => vanish(port, index));
      const digests = await Promise.all(Array.from({ length: readers }, () => download(port)));
      await Promise.all(gone);
      assert.deepEqual(new Set(digests), new Set([digest]));
      await untilDescriptors(before);
    });
  }

  test("tells the end of the file, a full socket and a socket that is gone", async (t) => {
    const { descriptor } = patternFile(t);
    const told: number[] = [];
    const port = await serving(t, async (socket) => {
      told.push(native.sendFile(socket, descriptor, fileBytes, 1));
      let sent: number;
      do sent = native.sendFile(socket, descriptor, 0, callBytes);
      while (sent > 0);
      told.push(sent);
      socket.destroy();
      told.push(native.sendFile(socket, descriptor, 0, callBytes));
    });
    const deaf = net.connect(port, "127.0.0.1").pause();
    deaf.on("error", () => {});
    await once(deaf, "connect");
    while (told.length < 3) await delay(5);
    deaf.destroy();
    assert.deepEqual(told, [0, -1, -1]);
  });
});

describe("low-water marks", needsNative, () => {
  test("the receiver sleeps until the mark is reached, and hears of less once the mark is 1", async (t) => {
    const port = await serving(t, async (socket) => {
      socket.write(Buffer.alloc(1000));
      await once(socket, "data");
    });
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => native.setReceiveLowWater(socket, 5000));
    let received = 0;
    socket.on("data", (chunk) => (received += chunk.length));
    await delay(100);
    assert.equal(received, 0);
    native.setReceiveLowWater(socket, 1);
    while (received === 0) await delay(5);
    assert.equal(received, 1000);
    socket.end("bye");
    await once(socket, "close");
  });

  test("the sender may set its mark at any time, also when the socket is gone", async (t) => {
    const port = await serving(t, async (socket) => {
      native.setUnsentLowWater(socket, 16 * 1024);
      socket.destroy();
      native.setUnsentLowWater(socket, 16 * 1024);
      native.setReceiveLowWater(socket, 1);
    });
    const socket = net.connect(port, "127.0.0.1").resume();
    await once(socket, "close");
  });
});

describe("the round trip", needsNative, () => {
  test("is the kernel's: no longer than the shortest that the program sees, and unknown for other sockets", async (t) => {
    const server = net.createServer((socket) => socket.pipe(socket));
    t.after(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    const byHandshake = native.roundTripMs(socket)!;
    let seenMs = Infinity;
    for (let time = 0; time < 20; time++) {
      const saidMs = performance.now();
      socket.write("x");
      await once(socket, "data");
      seenMs = Math.min(seenMs, performance.now() - saidMs);
    }
    const shortest = native.roundTripMs(socket)!;
    assert.ok(byHandshake > 0 && byHandshake < 50, `${byHandshake} ms for a handshake on loopback`);
    assert.ok(shortest > 0 && shortest <= seenMs, `${shortest} ms, where the program sees ${seenMs}`);
    assert.ok(shortest <= byHandshake, "the shortest counts");
    socket.destroy();
    assert.equal(native.roundTripMs(socket), undefined);
    assert.equal(native.roundTripMs(new net.Socket()), undefined);
  });
});

describe("the page cache", needsNative, () => {
  /** A file system in memory is known by the second question: the first asks what it is. */
  const isSoonCached = async (descriptor: number): Promise<boolean> => {
    for (let tries = 0; tries < 100 && !native.isCached(descriptor, 0); tries++) await delay(10);
    return native.isCached(descriptor, 0);
  };

  test("what was just written is there, on disk and in memory, and a bad descriptor is not", async (t) => {
    const { descriptor } = patternFile(t);
    assert.equal(await isSoonCached(descriptor), true);
    assert.equal(native.isCached(descriptor, fileBytes - 1), true);
    assert.equal(native.isCached(-1, 0), false);
    const slice = native.readCached(descriptor, fileBytes - 100, 100);
    assert.deepEqual(slice, new Uint8Array(fs.readFileSync(descriptor).subarray(-100)));
    assert.equal(native.readCached(descriptor, fileBytes - 100, 101), undefined);
    assert.equal(native.readCached(-1, 0, 10), undefined);
    if (!fs.existsSync("/dev/shm")) return;
    const name = `/dev/shm/darner-native-${process.pid}`;
    fs.writeFileSync(name, "in memory");
    const inMemory = fs.openSync(name, "r");
    fs.unlinkSync(name);
    assert.equal(await isSoonCached(inMemory), true);
    assert.deepEqual(native.readCached(inMemory, 3, 6), new Uint8Array(Buffer.from("memory")));
    fs.closeSync(inMemory);
  });
});

/** Two ends of a unix socket; Node does not read the accepted one. */
async function pair(t: TestContext): Promise<{ accepted: net.Socket; connected: net.Socket }> {
  const server = net.createServer({ pauseOnConnect: true });
  const name = path.join(folder(t), "pair.sock");
  server.listen(name);
  await once(server, "listening");
  const connected = net.connect(name);
  const [accepted] = (await once(server, "connection")) as [net.Socket];
  for (const socket of [accepted, connected]) {
    socket.on("error", () => {});
    t.after(() => socket.destroy());
  }
  server.close();
  return { accepted, connected };
}

describe("descriptors through a unix socket", needsNative, () => {
  test("arrive as open files of the receiver, beside the bytes", async (t) => {
    const { descriptor } = patternFile(t);
    const before = openDescriptors();
    const { accepted, connected } = await pair(t);
    assert.deepEqual(native.receiveDescriptors(accepted, 100), { kind: "again" });
    assert.equal(native.sendDescriptors(connected, Buffer.from("token"), [descriptor, descriptor]), true);
    const received = native.receiveDescriptors(accepted, 100);
    assert.equal(received.kind, "received");
    if (received.kind !== "received") return;
    assert.equal(Buffer.from(received.bytes).toString(), "token");
    assert.equal(received.descriptors.length, 2);
    const [first, second] = received.descriptors as [number, number];
    assert.equal(fs.fstatSync(first).ino, fs.fstatSync(descriptor).ino);
    const flags = /^flags:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${second}`, "utf8"));
    assert.notEqual(parseInt(flags![1]!, 8) & 0o2000000, 0, "a child that this process starts does not get it");
    fs.closeSync(first);
    fs.closeSync(second);
    connected.destroy();
    await once(connected, "close");
    assert.deepEqual(native.receiveDescriptors(accepted, 100), { kind: "closed" });
    accepted.destroy();
    await untilDescriptors(before);
  });

  test("the most that one message may carry comes through; what nobody receives is closed with the socket", async (t) => {
    const { descriptor } = patternFile(t);
    const before = openDescriptors();
    const { accepted, connected } = await pair(t);
    const many = Array.from({ length: descriptorsMax }, () => descriptor);
    const bytes = Buffer.alloc(messageBytesMax, "m");
    assert.equal(native.sendDescriptors(connected, bytes, many), true);
    assert.equal(native.sendDescriptors(connected, Buffer.from("unread"), many), true);
    const received = native.receiveDescriptors(accepted, messageBytesMax);
    assert.equal(received.kind, "received");
    if (received.kind !== "received") return;
    assert.deepEqual(Buffer.from(received.bytes), bytes);
    assert.equal(received.descriptors.length, descriptorsMax);
    for (const each of received.descriptors) fs.closeSync(each);
    accepted.destroy();
    connected.destroy();
    await untilDescriptors(before);
  });

  test("more than that is refused, and none of them stays open", { skip: pythonMissing() }, async (t) => {
    const before = openDescriptors();
    const server = net.createServer({ pauseOnConnect: true });
    t.after(() => void server.close());
    const name = path.join(folder(t), "greedy.sock");
    server.listen(name);
    const accepting = once(server, "connection") as Promise<[net.Socket]>;
    await once(server, "listening");
    const greedy =
      "import socket,sys,array; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); " +
      "s.sendmsg([b'x'],[(socket.SOL_SOCKET,socket.SCM_RIGHTS,array.array('i',[0]*20))])";
    execFileSync("python3", ["-c", greedy, name]);
    const [accepted] = await accepting;
    assert.deepEqual(native.receiveDescriptors(accepted, 100), { kind: "closed" });
    accepted.destroy();
    server.close();
    await untilDescriptors(before);
  });

  test("bytes without descriptors come alone", async (t) => {
    const { accepted, connected } = await pair(t);
    assert.equal(native.sendDescriptors(connected, Buffer.from("alone"), []), true);
    const received = native.receiveDescriptors(accepted, 3);
    assert.deepEqual(received, { kind: "received", bytes: new Uint8Array(Buffer.from("alo")), descriptors: [] });
  });

  test("a descriptor that is not open, and a socket that is gone, are told and do not throw", async (t) => {
    const { accepted, connected } = await pair(t);
    assert.equal(native.sendDescriptors(connected, Buffer.from("x"), [99_999]), false);
    accepted.destroy();
    connected.destroy();
    assert.equal(native.sendDescriptors(connected, Buffer.from("x"), []), false);
    assert.deepEqual(native.receiveDescriptors(accepted, 1), { kind: "closed" });
    assert.equal(native.peerCredentials(accepted), undefined);
  });

  test("the kernel says who is at the other end of a unix socket, and of no other", async (t) => {
    const { accepted, connected } = await pair(t);
    const self = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() };
    assert.deepEqual(native.peerCredentials(accepted), self);
    assert.deepEqual(native.peerCredentials(connected), self);
    const port = await serving(t, async () => {});
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    assert.equal(native.peerCredentials(socket), undefined);
    socket.destroy();
  });
});

function pythonMissing(): false | string {
  try {
    execFileSync("python3", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    return "needs python3 to send more descriptors than we would";
  }
}

describe("where the calls cannot be had", () => {
  const ask = `import { loadNative } from ${JSON.stringify(path.join(import.meta.dirname, "calls.node.ts"))};
    console.log(loadNative().available);`;
  const answer = (flags: readonly string[], environment: Record<string, string>): string =>
    execFileSync(process.execPath, [...flags, "--input-type=module", "-e", ask], {
      encoding: "utf8",
      env: { ...process.env, DARNER_NATIVE: "", ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    }).trim();

  test("switched off, forbidden or not built in: the absent ones are chosen", () => {
    assert.equal(answer([], { DARNER_NATIVE: "off" }), "false");
    assert.equal(answer(["--permission", "--allow-fs-read=*"], {}), "false");
  });

  test("nothing reaches the terminal, also where they are there", needsNative, () => {
    const all = execFileSync("/bin/sh", ["-c", '"$0" --input-type=module -e "$1" 2>&1', process.execPath, ask], {
      encoding: "utf8",
    });
    assert.equal(all, "true\n");
  });

  test("the absent ones do nothing and throw nothing", () => {
    const socket = new net.Socket();
    assert.equal(absentNative.sendFile(socket, 0, 0, 1), -1);
    assert.equal(absentNative.isCached(0, 0), false);
    assert.equal(absentNative.readCached(0, 0, 1), undefined);
    assert.equal(absentNative.sendDescriptors(socket, Buffer.from("x"), []), false);
    assert.deepEqual(absentNative.receiveDescriptors(socket, 1), { kind: "closed" });
    assert.equal(absentNative.peerCredentials(socket), undefined);
    assert.equal(absentNative.roundTripMs(socket), undefined);
    absentNative.setReceiveLowWater(socket, 1);
    absentNative.setUnsentLowWater(socket, 1);
    absentNative.setVanishedTimeout(socket, 1);
  });
});
