/**
 * The origin behind http and https URLs: the rules of HTTP that make an answer an object's bytes.
 *
 * 1. Redirects are followed by hand, at most ten, never in a circle, never from https down to http
 *    nor to another scheme; what is meant for one authority is dropped on the way to another.
 * 2. The body is never decoded: `Accept-Encoding: identity` is sent, and whatever comes is passed on.
 * 3. No message shows a credential or a query.
 * 4. Each URL on the way is within the reach policy, and each address that is connected to.
 */

import { DarnerError } from "#base/mod.ts";
import type { ResponseFacts } from "#core/freshness/mod.ts";
import { isForNearOnly, urlRefusal } from "#core/reach/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { HttpClient, HttpReply } from "#platform/http-client/client.ts";
import { countedBody } from "./http-body.ts";
import { extentOf } from "./http-range.ts";
import { refusedByPolicy, sizeLimited, timeLimited, type Reach } from "./reach.ts";
import { headersAfterRedirect, requestHeaders } from "./http-request.ts";
import { statusError } from "./http-status.ts";
import type { Origin, OriginAnswer, OriginRequest } from "./origin.ts";
import { nameOf, withoutSecrets } from "./url-name.ts";

const redirectsMax = 10;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** 203: a proxy changed something on the way; the bytes are still what there is to get. */
const bodyStatuses: ReadonlySet<number> = new Set([200, 203, 206]);

interface Parts {
  readonly httpClient: HttpClient;
  readonly clock: Clock;
  readonly reach: Reach;
}

export function createHttpOrigin(parts: Parts): Origin {
  return {
    async open(request, signal) {
      const limit = timeLimited(parts.reach, parts.clock, withoutSecrets(request.url), signal);
      let reply: HttpReply | undefined;
      try {
        const arrival = await follow(parts, request, limit.signal);
        reply = arrival.reply;
        const answer = answerOf(reply, arrival.facts, request, arrival.name);
        if (answer.kind === "body") return sizeLimited(parts.reach, answer, arrival.name, () => limit.end());
        limit.end();
        return answer;
      } catch (error) {
        limit.end();
        reply?.body.drain();
        throw error;
      }
    },
    async look(request, signal) {
      const { reply } = await follow(parts, request, signal, "HEAD");
      reply.body.drain();
      return { status: reply.status, headers: reply.headers };
    },
  };
}

interface Arrival {
  readonly reply: HttpReply;
  readonly facts: ResponseFacts;
  /** What messages call the URL that answered. */
  readonly name: string;
}

/** Asks, and asks again where the answer points, until one is no redirect. */
async function follow(
  parts: Parts,
  request: OriginRequest,
  signal: AbortSignal,
  method: "GET" | "HEAD" = "GET",
): Promise<Arrival> {
  const { httpClient, clock, reach } = parts;
  const addressRule = reach.addressRule(request.caller ?? "far");
  const first = new URL(request.url);
  let headers = requestHeaders(request, first);
  let url = bare(first);
  let nearOnly = false;
  const visited = new Set<string>();
  for (;;) {
    const name = nameOf(url);
    visited.add(url.href);
    const refusal = urlRefusal(reach.policy(), url);
    if (refusal !== null) throw refusedByPolicy(name, refusal);
    const requestedAtMs = clock.wallMs();
    const reply = await httpClient.get({ url, headers, name, addressRule, method }, signal);
    nearOnly ||= isForNearOnly(reach.policy(), reply.remoteAddress);
    if (!redirectStatuses.has(reply.status)) {
      const { status, headers: answered } = reply;
      return {
        reply,
        name,
        facts: {
          status,
          url: url.href,
          headers: answered,
          requestedAtMs,
          answeredAtMs: clock.wallMs(),
          ...(nearOnly ? { nearOnly } : {}),
        },
      };
    }
    reply.body.drain();
    const next = redirectTarget(reply, url);
    if (visited.has(next.href)) throw loop(name, `${nameOf(next)} was visited before`);
    if (visited.size > redirectsMax) throw loop(name, `more than ${redirectsMax} redirects since ${nameOf(first)}`);
    headers = headersAfterRedirect(headers, url, next);
    url = next;
  }
}

/** Throws `origin.protocol`, `origin.redirect-scheme`. */
function redirectTarget(reply: HttpReply, from: URL): URL {
  const name = nameOf(from);
  const location = reply.headers["location"];
  const target = location === undefined ? null : URL.parse(location, from);
  if (target === null) {
    const what = location === undefined ? "without a Location" : `to "${withoutSecrets(location)}", which is no URL`;
    throw new DarnerError(
      "origin.protocol",
      `cannot fetch ${name}: it redirects (${reply.status}) ${what}; repair the server`,
    );
  }
  const fine = target.protocol === "https:" || (target.protocol === "http:" && from.protocol === "http:");
  if (!fine) {
    const says = `it redirects to ${nameOf(target)}, a step down; only http and https are followed, and https never to http`;
    throw new DarnerError(
      "origin.redirect-scheme",
      `cannot fetch ${name}: ${says}; fetch that URL itself if you trust it`,
    );
  }
  return bare(target);
}

function loop(name: string, what: string): DarnerError {
  const says = `it redirects in a circle or too often (${what}); check the URL, or a cookie or header it wants`;
  return new DarnerError("origin.redirect-loop", `cannot fetch ${name}: ${says}`);
}

/** Without user, password and fragment, which are not sent in a request's target. */
function bare(url: URL): URL {
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  copy.hash = "";
  return copy;
}

function answerOf(reply: HttpReply, facts: ResponseFacts, request: OriginRequest, name: string): OriginAnswer {
  if (reply.status === 304 && request.unless !== undefined) {
    reply.body.drain();
    return { kind: "not-modified", facts };
  }
  if (!bodyStatuses.has(reply.status)) throw statusError(reply, name, facts.answeredAtMs);
  const extent = extentOf(reply, request.range, name);
  const { start, lengthBytes } = extent;
  return { kind: "body", facts, start, lengthBytes, body: countedBody(reply.body, extent, name) };
}
