/**
 * Handing open files to the daemon, as a port: a unix socket beside its main one takes one message a
 * connection, a token and the descriptors that belong to it. The request that names the token then
 * takes them out. So the daemon never opens a path that a client names.
 */

/** What a token stands for. Whoever takes it closes the descriptors. */
export interface HandedDescriptors {
  readonly descriptors: number[];
  /** The user who handed them over, as the kernel says. */
  readonly uid: number;
}

export interface DescriptorInbox {
  /** Each token once; undefined when it is unknown or came too long ago. Nothing says yet that they are plain files. */
  take(token: string): HandedDescriptors | undefined;
  /** Closes what nobody took. */
  close(): Promise<void>;
}

/**
 * Resolves once the daemon holds its own copies; ours stay open. Tokens are hard to guess and at most
 * `tokenBytesMax` bytes. Throws `daemon.unreachable`: then read from the daemon's socket instead.
 */
export type SendToInbox = (path: string, token: string, descriptors: readonly number[]) => Promise<void>;

export const tokenBytesMax = 128;
