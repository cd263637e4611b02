/** The process's own standard streams. A reader that has gone away is no reason to fail. */

import type { Terminal } from "./terminal.ts";

/** `onOutputError` hears why nobody takes the standard output any more. */
export function createNodeTerminal(onOutputError: (error: Error) => void): Terminal {
  const written = new Set<NodeJS.WriteStream>();
  const write = (stream: NodeJS.WriteStream, text: string, onError: (error: Error) => void): void => {
    // The stream is made at first use: a command that says nothing does not pay for it.
    if (!written.has(stream)) stream.on("error", onError);
    written.add(stream);
    stream.write(text);
  };
  return {
    columns: () => (process.stderr.isTTY && process.env["TERM"] !== "dumb" ? process.stderr.columns || 80 : undefined),
    output: (text) => write(process.stdout, text, onOutputError),
    error: (text) => write(process.stderr, text, () => undefined),
  };
}
