/** Open files handed to a daemon over a real unix socket: kept, taken once, and never left open. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { DarnerError } from "#base/mod.ts";
import { inboxLimits, openDescriptorInbox, type InboxLimits, type InboxOptions } from "./descriptor-inbox.node.ts";
import { inboxSender } from "./descriptor-sender.node.ts";
import { absentNative } from "../native/calls.ts";
import { loadNative } from "../native/calls.node.ts";

const native = loadNative();
const needsNative = { skip: native.available ? false : "needs FFI on Linux, and DARNER_NATIVE not off" };
const sendToInbox = inboxSender(native);

const openDescriptors = (): number => fs.readdirSync("/proc/self/fd").length;

/** Descriptors are closed in the pool: wait for the count, but not for ever. */
async function untilDescriptors(count: number): Promise<void> {
  for (let wait = 0; wait < 200 && openDescriptors() > count; wait++) await delay(10);
  assert.ok(openDescriptors() <= count, `${openDescriptors()} descriptors are open, ${count} were before`);
}

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "darner-inbox-"));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

/** An inbox, an output to hand over, and how many descriptors are open once both are there. */
async function opened(t: TestContext, limits: Partial<InboxLimits> = {}, options: Partial<InboxOptions> = {}) {
  const where = path.join(folder(t), "darner.sock.fd");
  const output = fs.openSync(path.join(path.dirname(where), "output"), "w+");
  t.after(() => fs.closeSync(output));
  const inbox = await openDescriptorInbox(
    native,
    { path: where, mayHandOver: () => true, ...options },
    { ...inboxLimits, ...limits },
  );
  t.after(() => inbox.close());
  return { where, output, inbox, before: openDescriptors() };
}

function isUnreachable(why: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof DarnerError && error.code === "daemon.unreachable" && why.test(error.message);
}

describe("the inbox", needsNative, () => {
  test("gives the daemon the user's open files, once", async (t) => {
    const { where, output, inbox, before } = await opened(t);
    await sendToInbox(where, "token-1", [output, output]);
    const handed = inbox.take("token-1");
    assert.equal(handed?.uid, process.getuid!());
    assert.equal(handed?.descriptors.length, 2);
    const [content, journal] = handed.descriptors as [number, number];
    fs.writeSync(content, "written by the daemon");
    assert.equal(fs.readFileSync(path.join(path.dirname(where), "output"), "utf8"), "written by the daemon");
    assert.equal(inbox.take("token-1"), undefined);
    fs.closeSync(content);
    fs.closeSync(journal);
    await untilDescriptors(before);
  });

  test("keeps many tokens apart that arrive at once", async (t) => {
    const { where, output, inbox, before } = await opened(t);
    const tokens = Array.from({ length: 40 }, (_, index) => `token-${index}`);
    await Promise.all(tokens.map((token) => sendToInbox(where, token, [output])));
    for (const token of tokens) for (const each of inbox.take(token)!.descriptors) fs.closeSync(each);
    await untilDescriptors(before);
  });

  test("closes what nobody takes, after a while or when it closes itself", async (t) => {
    const { where, output, inbox, before } = await opened(t, { keepMs: 50 });
    await sendToInbox(where, "forgotten", [output]);
    await untilDescriptors(before);
    assert.equal(inbox.take("forgotten"), undefined);
    await sendToInbox(where, "waiting", [output]);
    await inbox.close();
    assert.equal(inbox.take("waiting"), undefined);
    await untilDescriptors(before - 1);
    assert.equal(fs.existsSync(where), false);
  });

  test("refuses more than it may keep, and a token that is there already", async (t) => {
    const { where, output, inbox, before } = await opened(t, { pendingMax: 2 });
    await sendToInbox(where, "a", [output]);
    await assert.rejects(sendToInbox(where, "a", [output, output]), isUnreachable(/without taking them/));
    await sendToInbox(where, "b", [output]);
    await assert.rejects(sendToInbox(where, "c", [output]), isUnreachable(/without taking them/));
    await untilDescriptors(before + 2);
    assert.equal(inbox.take("c"), undefined);
    for (const token of ["a", "b"]) {
      const { descriptors } = inbox.take(token)!;
      assert.equal(descriptors.length, 1);
      fs.closeSync(descriptors[0]!);
    }
  });

  test("takes nothing from a user who is not allowed", async (t) => {
    const asked: number[] = [];
    const mayHandOver = (uid: number): boolean => asked.push(uid) < 0;
    const { where, output, inbox, before } = await opened(t, {}, { mayHandOver });
    await assert.rejects(sendToInbox(where, "token", [output]), isUnreachable(/cannot hand the output/));
    assert.deepEqual(asked, [process.getuid!()]);
    assert.equal(inbox.take("token"), undefined);
    await untilDescriptors(before);
  });

  test("drops who says nothing, too much, or sends no descriptor", async (t) => {
    const { where, inbox, before } = await opened(t, { messageTimeoutMs: 60 });
    const startMs = performance.now();
    for (const message of [undefined, "x".repeat(500), "token-without-files"]) {
      const socket = net.connect(where);
      socket.on("error", () => {});
      if (message !== undefined) socket.write(message);
      await new Promise((resolve) => socket.on("close", resolve));
    }
    assert.ok(performance.now() - startMs >= 59, "the silent one had its time");
    assert.equal(inbox.take("token-without-files"), undefined);
    await untilDescriptors(before);
  });

  test("waits for a message that comes later than the connection", async (t) => {
    const { where, output, inbox } = await opened(t);
    const socket = net.connect(where);
    await once(socket, "connect");
    await delay(60);
    native.sendDescriptors(socket, Buffer.from("late"), [output]);
    await once(socket, "data");
    socket.destroy();
    fs.closeSync(inbox.take("late")!.descriptors[0]!);
  });

  test("is for its user alone unless told otherwise, and replaces what a killed one left", async (t) => {
    const { where, inbox } = await opened(t);
    assert.equal(fs.statSync(where).mode & 0o777, 0o600);
    const left = `${where}.left`;
    fs.linkSync(where, left);
    await inbox.close();
    assert.equal(fs.existsSync(left), true);
    const second = await openDescriptorInbox(native, { path: left, permissions: 0o660, mayHandOver: () => true });
    assert.equal(fs.statSync(left).mode & 0o777, 0o660);
    await second.close();
  });
});

describe("handing over", () => {
  test("to nobody, or to one who never answers, is daemon.unreachable in time", needsNative, async (t) => {
    const { output } = await opened(t);
    const where = path.join(folder(t), "nobody.fd");
    await assert.rejects(sendToInbox(where, "token", [output]), isUnreachable(/ENOENT/));
    const deaf = net.createServer(() => {}).listen(where);
    t.after(() => void deaf.close());
    await once(deaf, "listening");
    await assert.rejects(inboxSender(native, 50)(where, "token", [output]), isUnreachable(/no answer within 50 ms/));
  });

  test("without the native port is refused at once, and the inbox does not even listen", async (t) => {
    const where = path.join(folder(t), "absent.fd");
    const inbox = await openDescriptorInbox(absentNative, { path: where, mayHandOver: () => true });
    assert.equal(fs.existsSync(where), false);
    await assert.rejects(inboxSender(absentNative)(where, "token", [0]), isUnreachable(/cannot pass descriptors/));
    assert.equal(inbox.take("token"), undefined);
    await inbox.close();
  });
});
