/**
 * The control connection to one manager, from the side that dials: greeted, kept, and lost once. Whoever
 * uses it decides what comes after its loss.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import type { Member } from "#core/model/mod.ts";
import type { ManagerEntry } from "#core/placement/mod.ts";
import {
  protocolVersion,
  readManagerMessage,
  type HostCard,
  type HostMessage,
  type ManagerMessage,
} from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Dialler } from "#platform/sockets/connection.ts";
import { MessageLink } from "./message-link.ts";

const dialTimeoutMs = 1_500;
const welcomeTimeoutMs = 5_000;
/** Longer than a lost packet or two take to be sent again. */
const vanishedMs = 1_500;

export type Welcome = Extract<ManagerMessage, { kind: "welcome" }>;

export interface ManagerLinkOptions {
  readonly clock: Clock;
  readonly dialler: Dialler;
  readonly isRevoked: (manager: string) => boolean;
  readonly card: () => HostCard;
  readonly manager: ManagerEntry;
  /** It is connected from now on. */
  onWelcome(link: ManagerLink, welcome: Welcome): void;
  onMessage(link: ManagerLink, message: ManagerMessage): void;
  /** Told once: it could not be reached, or is lost. Not told after `close`. */
  onLost(link: ManagerLink, reason: string): void;
}

export class ManagerLink {
  readonly manager: ManagerEntry;
  readonly #options: ManagerLinkOptions;
  readonly #link: MessageLink<ManagerMessage, HostMessage>;
  #member: Member | undefined;
  #welcome: Welcome | undefined;
  #timer: Timer | undefined;
  #over = false;

  constructor(options: ManagerLinkOptions) {
    this.#options = options;
    this.manager = options.manager;
    this.#link = new MessageLink<ManagerMessage, HostMessage>(options.clock, readManagerMessage, (message) =>
      this.#received(message),
    );
    void this.#dial();
  }

  get connected(): boolean {
    return this.#welcome !== undefined && this.#link.open && !this.#over;
  }

  /** The minor version of the protocol that it speaks; undefined while it is not connected. */
  get minor(): number | undefined {
    return this.connected ? Number(this.#welcome?.version.split(".")[1]) : undefined;
  }

  /** The key that the manager signs with; undefined with --trust off, and before it is connected. */
  get managerKey(): string | undefined {
    return this.#welcome?.publicKey;
  }

  /** Who answers, where its connection has proved it. */
  get member(): Member | undefined {
    return this.#member;
  }

  get roundTripMs(): number | undefined {
    return this.connected ? this.#link.roundTripMs : undefined;
  }

  get remote(): string {
    return this.#link.remote;
  }

  /** Dropped while it is not connected. */
  send(message: HostMessage): void {
    if (this.connected) this.#link.send(message);
  }

  close(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#link.close();
  }

  async #dial(): Promise<void> {
    const { clock, dialler, isRevoked, card, manager } = this.#options;
    const url = new URL(manager.url);
    const secure = url.protocol === "https:";
    const version = `${protocolVersion.major}.${protocolVersion.minor}`;
    try {
      const { connection, member } = await dialler.dial(
        {
          host: url.hostname.replace(/^\[|\]$/g, ""),
          port: Number(url.port || (secure ? 443 : 80)),
          secureTo: secure ? "manager" : undefined,
          path: "/control",
          headers: { "Darner-Version": version },
          timeoutMs: dialTimeoutMs,
          vanishedMs,
        },
        { onBytes: (bytes) => this.#link.received(bytes), onClose: (reason) => this.#lost(reason) },
      );
      if (this.#over) return connection.close();
      if (member !== undefined && isRevoked(member.id)) {
        connection.close();
        throw new DarnerError("trust.credential", `cannot use the manager ${member.id}: it was revoked`);
      }
      this.#member = member;
      this.#link.attach(connection);
      this.#link.send({ kind: "hello", version, host: card() });
      this.#timer = clock.after(welcomeTimeoutMs, () => this.#giveUp("it says no welcome"), { background: true });
    } catch (error) {
      this.#lost(asDarnerError(error).message);
    }
  }

  #lost(reason: string): void {
    this.#timer?.cancel();
    this.#link.ended();
    if (this.#over) return;
    this.#over = true;
    this.#options.onLost(this, reason);
  }

  #giveUp(reason: string): void {
    this.#lost(reason);
    this.#link.close();
  }

  #received(message: ManagerMessage): void {
    if (this.#over) return;
    if (message.kind !== "welcome") return this.#options.onMessage(this, message);
    if (Number(message.version.split(".")[0]) !== protocolVersion.major) {
      return this.#giveUp(`it speaks protocol ${message.version}`);
    }
    if (this.#member !== undefined && message.publicKey !== this.#member.publicKey) {
      return this.#giveUp("its key is not that of its certificate");
    }
    this.#timer?.cancel();
    this.#welcome = message;
    this.#options.onWelcome(this, message);
  }
}
