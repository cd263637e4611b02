/**
 * How often hosts and their manager speak: together they send and get at most `messagesPerSecond`
 * each way, whatever their number, and nobody waits longer than `everyMsMax` for news.
 */

/**
 * Hosts that one slice of a round of news reaches, and the pause after it in a hurry: as long as a slice
 * takes, so that reports are answered meanwhile.
 */
export const listSlice = { hosts: 200, hurryMs: 4 } as const;

const messagesPerSecond = 5_000;
const everyMsMax = 2_000;
const reportEveryMsMin = 500;
/** News of pieces is gathered at least this long, so that one message carries several. */
export const gatherNewsMs = 20;
/** Each message is one more signature to check at every host; a piece takes longer than this to come. */
const listEveryMsMin = 100;
/** While fewer pieces than this are known, lines stand idle until the news of the next has come. */
export const scarcePieces = 32;

/** Hosts that spoke within this time are counted: a crowd that comes slowly may begin to report all at once. */
const countedMs = 30_000;

/** Counts the hosts that have something to report, and says how often each of them should. */
export class Pace {
  readonly #lastHeard = new WeakMap<object, number>();
  #period = 0;
  #heard = 0;
  #heardBefore = 0;

  /** The host asks for something, or reports on its way. */
  heard(host: object, nowMs: number): void {
    const period = Math.floor(nowMs / countedMs);
    if (period !== this.#period) {
      this.#heardBefore = period === this.#period + 1 ? this.#heard : 0;
      this.#heard = 0;
      this.#period = period;
    }
    if (this.#lastHeard.get(host) === period) return;
    this.#lastHeard.set(host, period);
    this.#heard++;
  }

  get reportEveryMs(): number {
    return reportEveryMs(Math.max(this.#heard, this.#heardBefore));
  }
}

/** How often a host reports when this many hosts are downloading. In few steps, so that it seldom changes. */
export function reportEveryMs(hosts: number): number {
  const fair = shareMs(hosts);
  return [reportEveryMsMin, 1_000].find((step) => fair <= step) ?? everyMsMax;
}

/** The news of one task's pieces to each of its hosts, when so many are known. */
export function listEveryMs(hosts: number, pieces: number): number {
  return Math.max(pieces < scarcePieces ? gatherNewsMs : listEveryMsMin, Math.min(everyMsMax, shareMs(hosts)));
}

function shareMs(hosts: number): number {
  return (hosts * 1_000) / messagesPerSecond;
}
