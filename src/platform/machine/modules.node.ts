/**
 * `node:http` without the price of an ES import: importing it reads all its exports, one of which loads
 * the whole fetch implementation (50 to 80 ms of CPU at every start). `node:https` and `node:tls` are
 * loaded when something is first secured: they take 9 MB of a process that speaks in clear only. What
 * these give are the same modules; types come from the ordinary names.
 */

import type * as Http from "node:http";
import type * as Https from "node:https";
import type * as Tls from "node:tls";

export const http: typeof Http = process.getBuiltinModule("node:http");
export const https = (): typeof Https => process.getBuiltinModule("node:https");
export const tls = (): typeof Tls => process.getBuiltinModule("node:tls");
