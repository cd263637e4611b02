/** Orders to have objects in place before anybody asks. */

export * from "./preheater.ts";
