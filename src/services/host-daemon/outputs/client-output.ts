/**
 * The output that a client handed over: two open files, taken from the inbox by the token of the ask,
 * from the user who asked and nobody else.
 */

import { DarnerError } from "#base/mod.ts";
import type { DownloadAsk } from "#core/protocol/mod.ts";
import type { DescriptorInbox } from "#platform/sockets/descriptor-inbox.ts";
import type { Disk, DiskFile } from "#platform/files/disk.ts";
import { SideOutput } from "./side-output.ts";

export interface ClientOutput {
  readonly content: DiskFile;
  readonly journal: DiskFile;
  /** Which file on the disk the content is, whoever opens it. */
  readonly place: string;
}

export interface OutputHands {
  readonly disk: Disk;
  readonly inbox: DescriptorInbox | undefined;
  /** Puts the content file under the host's disk limits. */
  pace(file: DiskFile): DiskFile;
  /** Its client wants no more bytes. */
  readonly isOver: () => boolean;
}

/** What a client gave for its bytes; nothing when it takes them itself. */
export interface Hand {
  /** Its files, which may become the task's store. */
  readonly output: ClientOutput | undefined;
  /** The same, when something else is the store. */
  readonly side: SideOutput | undefined;
  /** Closes the files unless they are the store, whose content this is. */
  letGo(content: DiskFile | undefined): Promise<void>;
}

/** Throws `cluster.refused`. */
export async function takeHand(
  asked: DownloadAsk["output"],
  uid: number | undefined,
  hands: OutputHands,
): Promise<Hand> {
  const output = await takeOutput(asked, uid, hands);
  const side = output === undefined ? undefined : new SideOutput(output.content, hands.isOver);
  return {
    output,
    side,
    async letGo(content) {
      await side?.settled();
      if (output !== undefined && output.content !== content) await closeOutput(output);
    },
  };
}

/** The client's files, or undefined when it takes the bytes itself. Throws `cluster.refused`. */
async function takeOutput(
  output: DownloadAsk["output"],
  uid: number | undefined,
  hands: OutputHands,
): Promise<ClientOutput | undefined> {
  if (output.kind === "stream") return undefined;
  const { disk, inbox } = hands;
  const handed = inbox?.take(output.token);
  if (handed?.descriptors.length !== 2 || (uid !== undefined && handed.uid !== uid)) {
    for (const descriptor of handed?.descriptors ?? []) await disk.adopt(descriptor, "a foreign file").close();
    throw new DarnerError(
      "cluster.refused",
      "cannot take the output: its two open files did not come with the request",
      { retry: "now" },
    );
  }
  const [content, journal] = handed.descriptors as [number, number];
  const files = {
    content: hands.pace(disk.adopt(content, "the output")),
    journal: disk.adopt(journal, "the output's journal"),
  };
  try {
    const [content, journal] = await Promise.all([files.content.identity(), files.journal.identity()]);
    if (!content.isRegular || !journal.isRegular)
      throw new DarnerError("cluster.refused", "cannot take the output: it is no regular file; read the bytes instead");
    return { ...files, place: `${content.device}:${content.inode}` };
  } catch (error) {
    await closeOutput(files);
    throw error;
  }
}

async function closeOutput({ content, journal }: Omit<ClientOutput, "place">): Promise<void> {
  await content.close().catch(() => undefined);
  await journal.close().catch(() => undefined);
}
