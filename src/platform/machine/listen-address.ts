/** Where a process can be reached. */

/** `HOST:PORT`, `[V6]:PORT` (port 0: any free one), or the path of a unix socket. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string; readonly permissions: number };
