/**
 * One declaration per setting. From it come the flag (`--name`), the environment name
 * (`DARNER_NAME`), the key in the settings file (`name`), the default, the bounds, the help and the
 * page in docs/reference.
 */

import type { Kind } from "./kind.ts";
import type { Places } from "./places.ts";

export interface Setting<T> {
  /** In the form of a flag: `upload-rate`. */
  readonly name: string;
  readonly kind: Kind<T>;
  readonly default: NoInfer<T> | DefaultPlace<NoInfer<T>>;
  /** One line, without a full stop at its end. */
  readonly help: string;
  /** Heading in the help and the reference page. */
  readonly topic: string;
  /** May change while the role runs. */
  readonly live?: boolean;
  /** Concerns one call of a command: no environment name, no key in the file. */
  readonly flagOnly?: boolean;
  /** Other spellings of the flag: `-O`, `-o`, `--output-document`. */
  readonly aliases?: readonly string[];
}

/** A default that depends on who runs the command. `text` says it in the reference page. */
export interface DefaultPlace<T> {
  readonly text: string;
  readonly from: (places: Places) => T;
}

/** Property name (with its unit) -> declaration. */
// eslint-disable-next-line typescript/no-explicit-any -- a record of settings of any types
export type Declarations = Readonly<Record<string, Setting<any>>>;

export type ValuesOf<D extends Declarations> = {
  readonly [P in keyof D]: D[P] extends Setting<infer T> ? T : never;
};

/** All settings of a role or a command. */
export interface SettingsGroup<D extends Declarations = Declarations> {
  /** The role's section in the settings file, and how the reference page calls it. */
  readonly section: string;
  readonly title: string;
  readonly settings: D;
  /** Rules between settings; throws `settings.invalid` or `trust.required`. */
  check?(values: ValuesOf<D>): void;
}

/** Gives the declaration its types; nothing else. */
export function setting<T>(declaration: Setting<T>): Setting<T> {
  return declaration;
}

export function settingsGroup<D extends Declarations>(group: SettingsGroup<D>): SettingsGroup<D> {
  return group;
}

export function environmentName(settingName: string): string {
  return `DARNER_${settingName.replaceAll("-", "_").toUpperCase()}`;
}

export function defaultOf<T>(declaration: Setting<T>, places: Places): T {
  const value = declaration.default;
  return isDefaultPlace(value) ? value.from(places) : value;
}

export function isDefaultPlace<T>(value: T | DefaultPlace<T>): value is DefaultPlace<T> {
  return typeof value === "object" && value !== null && "from" in value && typeof value.from === "function";
}
