/**
 * `node:http` and `node:https` without the price of an ES import: importing node:http reads all its
 * exports, one of which loads the whole fetch implementation (50 to 80 ms of CPU at every start).
 * What this gives is the same module. Types come from the ordinary names.
 */

import type * as Http from "node:http";
import type * as Https from "node:https";

export const http: typeof Http = process.getBuiltinModule("node:http");
export const https: typeof Https = process.getBuiltinModule("node:https");
