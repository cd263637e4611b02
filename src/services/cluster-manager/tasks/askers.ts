/**
 * Who asks for a task: hosts that wait to be let in, and while it is fetched those that were. What happens
 * to a fetch may concern some of them alone: it is made on one asker's word, at his address, with his
 * credential.
 *
 * Invariant: a host's last ask counts; one that has left is let in nowhere, and nothing is kept of it.
 */

import type { Failure } from "./failure.ts";
import type { JoinRequest } from "./managed-task-options.ts";
import type { VersionHost } from "../hosts/mod.ts";

export class Askers {
  readonly #waiting = new Map<VersionHost, JoinRequest>();
  readonly #letIn = new Map<VersionHost, JoinRequest>();

  /** Somebody waits. */
  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  asks(request: JoinRequest): void {
    this.#waiting.set(request.host, request);
  }

  /** It has not left, nor asked again. */
  waits(request: JoinRequest): boolean {
    return this.#waiting.get(request.host) === request;
  }

  letIn(request: JoinRequest, fetching: boolean): void {
    if (fetching) this.#letIn.set(request.host, request);
  }

  /** It was let in, or told why not. */
  answered(request: JoinRequest): void {
    if (this.waits(request)) this.#waiting.delete(request.host);
  }

  leave(host: VersionHost): void {
    this.#waiting.delete(host);
    this.#letIn.delete(host);
  }

  /** The fetch is over. Returns who may still get what it did not. */
  fetched(failure: Failure | undefined, nowMs: number): readonly JoinRequest[] {
    const all = [...this.#letIn.values()];
    this.#letIn.clear();
    return failure === undefined ? [] : all.filter((request) => !failure.concerns(request, nowMs));
  }
}
