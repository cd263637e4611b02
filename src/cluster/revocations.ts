/** Who was revoked, as the cluster's settings told last; kept while the config service is away. */

import { revokedMembers } from "#core/model/mod.ts";

export class Revocations {
  #ids: ReadonlySet<string> = new Set();
  /** Called with all ids when some are new. */
  onRevoked: (ids: ReadonlySet<string>) => void = () => {};

  isRevoked(id: string): boolean {
    return this.#ids.has(id);
  }

  take(settings: Readonly<Record<string, unknown>>): void {
    const before = this.#ids;
    this.#ids = revokedMembers(settings);
    if ([...this.#ids].some((id) => !before.has(id))) this.onRevoked(this.#ids);
  }
}
