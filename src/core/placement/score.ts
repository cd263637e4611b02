/**
 * The rendezvous score (highest random weight; Thaler and Ravishankar 1998): each pair of a key and a
 * member gets a number that looks random, and the member with the highest number serves the key. When
 * a member leaves, only its own keys move, and they spread evenly over the others.
 *
 * The mix is SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
 * generators"; the constants are Stafford's variant 13). It is no defence against chosen keys.
 */

const goldenGamma = 0x9e3779b97f4a7c15n;
const text = new TextEncoder();

function mix(value: bigint): bigint {
  let mixed = BigInt.asUintN(64, value + goldenGamma);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
  return mixed ^ (mixed >> 31n);
}

/** 64 bits for a text: its UTF-8 bytes in words of eight, little end first, behind their length. */
export function hashText(value: string): bigint {
  const bytes = text.encode(value);
  const words = new DataView(new ArrayBuffer((bytes.length + 7) & ~7));
  new Uint8Array(words.buffer).set(bytes);
  let state = mix(BigInt(bytes.length));
  for (let offset = 0; offset < words.byteLength; offset += 8) state = mix(state ^ words.getBigUint64(offset, true));
  return state;
}

/** The score of a member for a key, both already hashed; 64 bits. */
export function rendezvousScore(keyHash: bigint, memberHash: bigint): bigint {
  return mix(keyHash ^ memberHash);
}

/** `members` by falling score for `key`; equal scores by id, so that everybody gets the same order. */
export function rankByScore<Member extends { readonly id: string }>(key: string, members: readonly Member[]): Member[] {
  const keyHash = hashText(key);
  return members
    .map((member) => ({ member, score: rendezvousScore(keyHash, hashText(member.id)) }))
    .sort((a, b) => (a.score === b.score ? compareText(a.member.id, b.member.id) : a.score > b.score ? -1 : 1))
    .map(({ member }) => member);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
