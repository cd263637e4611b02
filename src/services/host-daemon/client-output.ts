/**
 * The output that a client handed over: two open files, taken from the inbox by the token of the ask,
 * from the user who asked and nobody else.
 */

import { DarnerError } from "#base/mod.ts";
import type { DownloadAsk } from "#core/protocol/mod.ts";
import type { DescriptorInbox } from "#platform/descriptor-inbox.ts";
import type { Disk, DiskFile } from "#platform/disk.ts";

export interface ClientOutput {
  readonly content: DiskFile;
  readonly journal: DiskFile;
}

export interface OutputHands {
  readonly disk: Disk;
  readonly inbox: DescriptorInbox | undefined;
  /** Puts the content file under the host's disk limits. */
  pace(file: DiskFile): DiskFile;
}

/** The client's files, or undefined when it takes the bytes itself. Throws `cluster.refused`. */
export async function takeOutput(
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
  return {
    content: hands.pace(disk.adopt(content, "the output")),
    journal: disk.adopt(journal, "the output's journal"),
  };
}

export async function closeOutput({ content, journal }: ClientOutput): Promise<void> {
  await content.close().catch(() => undefined);
  await journal.close().catch(() => undefined);
}
