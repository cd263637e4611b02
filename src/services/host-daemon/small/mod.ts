/** The short way for small objects, many in one answer. */

export * from "./small-objects.ts";
export * from "./small-route.ts";
