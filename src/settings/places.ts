/**
 * Where things lie when nobody says otherwise: the system's places for root, the XDG places
 * (XDG Base Directory Specification 0.8) for everybody else.
 */

export interface Places {
  readonly socketPath: string;
  /** Of the socket: root's is for its group, a user's is private. */
  readonly socketPermissions: number;
  /** The folder that must be there before the socket can be; `permissions` for when it is made. */
  readonly socketDirectory: { readonly path: string; readonly permissions: number };
  readonly dataDirectory: string;
  /** The first one that exists is read. */
  readonly settingsFiles: readonly string[];
}

export const systemSocketPath = "/run/darner/darner.sock";
const systemSettingsFile = "/etc/darner/darner.yaml";

export interface PlacesOptions {
  readonly userId: number;
  readonly home: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function placesFor({ userId, home, environment }: PlacesOptions): Places {
  if (userId === 0) {
    return {
      socketPath: systemSocketPath,
      socketPermissions: 0o660,
      socketDirectory: { path: "/run/darner", permissions: 0o755 },
      dataDirectory: "/var/lib/darner",
      settingsFiles: [systemSettingsFile],
    };
  }
  // The specification: a path that is not absolute is to be ignored.
  const absolute = (name: string): string | undefined =>
    environment[name]?.startsWith("/") ? environment[name] : undefined;
  const temporary = `/tmp/darner-${userId}`;
  const inHome = (path: string): string | undefined => (home?.startsWith("/") ? `${home}/${path}` : undefined);
  const runtime = absolute("XDG_RUNTIME_DIR");
  const socketDirectory = runtime === undefined ? temporary : `${runtime}/darner`;
  const data = absolute("XDG_DATA_HOME") ?? inHome(".local/share");
  const config = absolute("XDG_CONFIG_HOME") ?? inHome(".config");
  return {
    socketPath: `${socketDirectory}/darner.sock`,
    socketPermissions: 0o600,
    socketDirectory: { path: socketDirectory, permissions: 0o700 },
    dataDirectory: data === undefined ? `${temporary}/data` : `${data}/darner`,
    settingsFiles: [...(config === undefined ? [] : [`${config}/darner/darner.yaml`]), systemSettingsFile],
  };
}
