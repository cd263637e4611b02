/**
 * Load in three bands: at ease, busy, overloaded. What a host is told depends on the band alone, so a
 * load that trembles inside a band disturbs nobody.
 */

const busyFrom = 0.6;
const overloadedFrom = 0.9;
/** A band is left downwards only this far below its edge. */
const hysteresis = 0.1;

/** 0 at ease, 1 busy, 2 overloaded. */
export function loadBand(load: number): 0 | 1 | 2 {
  return load >= overloadedFrom ? 2 : load >= busyFrom ? 1 : 0;
}

/**
 * The load to publish when `published` is what everybody was told and `measured` is new: the old one
 * unless the band really changed, so that a load on an edge does not wake every host again and again.
 */
export function loadToPublish(published: number, measured: number): number {
  const rises = loadBand(measured) > loadBand(published);
  const falls = loadBand(measured + hysteresis) < loadBand(published);
  return rises || falls ? measured : published;
}
