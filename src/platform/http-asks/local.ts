/**
 * HTTP/1.1 on this machine's own unix socket, as a port: how dfget speaks to the host daemon.
 *
 * Failures are `daemon.unreachable` (nobody answers), `daemon.gone` (cut in the middle of an answer)
 * or what the daemon itself said.
 */

export interface LocalReply {
  /** Each line of a body of JSON lines, parsed; a line is at most 1 MiB. */
  lines(): AsyncIterable<unknown>;
  /** The body in order; throws `daemon.gone` when it is cut short. */
  body(): AsyncIterable<Uint8Array>;
  close(): void;
}

/** Why nothing accepts connections at a socket. */
export interface Silence {
  readonly says: string;
  /** Nobody is there; else somebody who may not be asked, or does not answer. */
  readonly isEmpty: boolean;
}

export interface LocalHttp {
  /** Undefined where something accepts connections at the socket. */
  silence(socketPath: string, timeoutMs: number): Promise<Silence | undefined>;
  /** Rejects with the error that the daemon told when it answers with no success. */
  post(socketPath: string, path: string, json: unknown, signal: AbortSignal): Promise<LocalReply>;
  get(socketPath: string, path: string, signal: AbortSignal): Promise<LocalReply>;
  /** Whether this machine can hand open files to another process. */
  handsOverDescriptors(): Promise<boolean>;
  /** Hands open files to the process that listens at `socketPath`, in one message with `bytes`. */
  sendDescriptors(socketPath: string, bytes: Uint8Array, descriptors: readonly number[]): Promise<{ close(): void }>;
}
