/** What operators hold in their hands. */

export * from "./doctor.ts";
