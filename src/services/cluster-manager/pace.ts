/**
 * How often hosts and their manager speak: together they send and get at most `messagesPerSecond`
 * each way, whatever their number, and nobody waits longer than `everyMsMax` for news.
 */

const messagesPerSecond = 5_000;
const everyMsMax = 2_000;
const reportEveryMsMin = 500;
/** News of pieces is gathered at least this long, so that one message carries several. */
const listEveryMsMin = 20;

/** A host's reports, when this many hosts are downloading. In few steps, so that it seldom changes. */
export function reportEveryMs(hosts: number): number {
  const fair = shareMs(hosts);
  return [reportEveryMsMin, 1_000].find((step) => fair <= step) ?? everyMsMax;
}

/** The news of one task's pieces to each of its hosts. */
export function listEveryMs(hosts: number): number {
  return Math.max(listEveryMsMin, Math.min(everyMsMax, shareMs(hosts)));
}

function shareMs(hosts: number): number {
  return (hosts * 1_000) / messagesPerSecond;
}
