/**
 * The part of the reflect-metadata proposal that @peculiar/x509 asks for through its container:
 * facts kept beside a class under a key. Import it before that package.
 */

const kept = new WeakMap<object, Map<unknown, unknown>>();

function getOwnMetadata(key: unknown, target: object): unknown {
  return kept.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object): unknown {
  for (let place: object | null = target; place !== null; place = Object.getPrototypeOf(place) as object | null) {
    const found = getOwnMetadata(key, place);
    if (found !== undefined) return found;
  }
  return undefined;
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const facts = kept.get(target) ?? new Map<unknown, unknown>();
  kept.set(target, facts.set(key, value));
}

if (!("getMetadata" in Reflect)) Object.assign(Reflect, { getOwnMetadata, getMetadata, defineMetadata });
