/**
 * What a setting's text may be: how it is read, what is expected when it cannot be, and how a value
 * is written so that reading gives it back.
 */

export type Read<T> = { readonly value: T } | { readonly problem: string };

export interface Kind<T> {
  /** In the help, behind the flag; absent for a switch, which needs no text. */
  readonly placeholder?: string;
  /** The bounds in words, for the reference page: `1ms to 1h`. */
  readonly range?: string;
  /** A flag may be given several times, the file may hold a list. */
  readonly repeats?: boolean;
  /** `texts` has one element unless `repeats`. */
  read(texts: readonly string[]): Read<T>;
  write(value: T): string;
}

/** A kind of one text. */
export function single<T>(
  facts: { readonly placeholder: string; readonly range?: string },
  read: (text: string) => Read<T>,
  write: (value: T) => string = String,
): Kind<T> {
  return { ...facts, read: (texts) => read((texts.at(-1) ?? "").trim()), write };
}

/** Also takes no value at all; the default `undefined` is written as nothing. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return { ...kind, write: (value) => (value === undefined ? "" : kind.write(value)) };
}

/** Several of them: separated by commas, or the flag given again. `separator` none: one each. */
export function several<T>(item: Kind<T>, separator: "," | "none" = ","): Kind<readonly T[]> {
  return {
    ...item,
    placeholder: separator === "," ? `${item.placeholder}[,${item.placeholder}]` : item.placeholder!,
    repeats: true,
    read(texts) {
      const parts = separator === "," ? texts.flatMap((text) => text.split(",")) : texts;
      const values: T[] = [];
      for (const part of parts) {
        if (part.trim() === "") continue;
        const read = item.read([part]);
        if ("problem" in read) return read;
        values.push(read.value);
      }
      return { value: values };
    },
    write: (values) => values.map((value) => item.write(value)).join(","),
  };
}

/** On when given: `--quiet`, `DARNER_QUIET=1`, `quiet: true`. */
export const toggle: Kind<boolean> = {
  read([text = ""]) {
    if (/^(?:true|on|yes|1)$/i.test(text)) return { value: true };
    if (/^(?:false|off|no|0)$/i.test(text)) return { value: false };
    return { problem: "it should be true or false" };
  },
  write: String,
};
