/**
 * The C library through node:ffi: this file alone loads it. Also the one block of memory that every
 * call's structures are written into.
 *
 *  1. A pointer keeps nothing alive. The block is a module's constant that the functions which use
 *     its address mention, so it is never collected; an ArrayBuffer, so it never moves.
 *  2. Nothing in the block outlives one synchronous call.
 *  3. errno is read right after the call, through the thread's own `__errno_location`.
 *
 * Numbers and layouts are those of Linux on x86_64 and arm64, which agree; others get no libc.
 */

import type * as ffiModule from "node:ffi";

export const errno = { interrupted: 4, again: 11, noSpace: 28, notSupported: 95, overQuota: 122 } as const;

const blockBytes = 8192;
const block = new ArrayBuffer(blockBytes);

const definitions = {
  setsockopt: { arguments: ["int32", "int32", "int32", "pointer", "uint32"], return: "int32" },
  getsockopt: { arguments: ["int32", "int32", "int32", "pointer", "pointer"], return: "int32" },
  sendfile: { arguments: ["int32", "int32", "pointer", "uint64"], return: "int64" },
  sendmsg: { arguments: ["int32", "pointer", "int32"], return: "int64" },
  fallocate: { arguments: ["int32", "int32", "int64", "int64"], return: "int32" },
  ioctl: { arguments: ["int32", "uint64", "int64"], return: "int32" },
  recvmsg: { arguments: ["int32", "pointer", "int32"], return: "int64" },
  preadv2: { arguments: ["int32", "pointer", "int32", "int64", "int32"], return: "int64" },
} as const;

type Functions = ffiModule.WrappedFunctionsFromDefinitions<typeof definitions>;

export interface Libc extends Omit<Functions, "preadv2"> {
  /** Undefined where the C library is too old for it (musl before 1.2.5). */
  readonly preadv2: Functions["preadv2"] | undefined;
  /** Of the call that has just failed. */
  errno(): number;
  readonly memory: DataView;
  /** Where `memory` lies. */
  readonly address: bigint;
}

/** Undefined when this machine, this Node or its permissions do not have it. */
export function openLibc(): Libc | undefined {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) return undefined;
  const ffi = quietly(() => process.getBuiltinModule("node:ffi") as typeof ffiModule | undefined);
  if (ffi === undefined) return undefined;
  // glibc by its name; else what this process has linked already, which is musl.
  for (const name of ["libc.so.6", null]) {
    try {
      return bind(ffi, name);
    } catch {
      // The next name, or the plain ways.
    }
  }
  return undefined;
}

/** Each function is bound when it is first called for: binding costs a start more than a call of dfget has. */
function bind(ffi: typeof ffiModule, name: string | null): Libc {
  const { lib } = ffi.dlopen(name, {});
  let errnoAddress: bigint | undefined;
  const libc: Record<string, unknown> = {
    errno: () => ffi.getInt32(errnoAddress!),
    memory: new DataView(block),
    address: ffi.getRawPointer(block),
  };
  for (const [symbol, definition] of Object.entries(definitions)) {
    onFirstUse(libc, symbol, () => {
      // Before the call whose failure will be asked about: to find it afterwards might change it.
      errnoAddress ??= lib.getFunction("__errno_location", { arguments: [], return: "pointer" })();
      return functionOf(lib, symbol, definition);
    });
  }
  return libc as unknown as Libc;
}

function functionOf(lib: ffiModule.DynamicLibrary, symbol: string, definition: ffiModule.FunctionSignature): unknown {
  try {
    return lib.getFunction(symbol, definition);
  } catch (error) {
    if (symbol === "preadv2") return undefined;
    throw error;
  }
}

function onFirstUse(target: object, name: string, make: () => unknown): void {
  const get = (): unknown => {
    const value = make();
    Object.defineProperty(target, name, { value });
    return value;
  };
  Object.defineProperty(target, name, { configurable: true, get });
}

/** Node warns that FFI is experimental, on every start; a user can do nothing about it. */
function quietly<Result>(load: () => Result): Result | undefined {
  const warning = Object.getOwnPropertyDescriptor(process, "emitWarning")!;
  process.emitWarning = () => {};
  try {
    return load();
  } catch {
    return undefined;
  } finally {
    Object.defineProperty(process, "emitWarning", warning);
  }
}
