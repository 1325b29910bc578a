/** The order of strings by their UTF-8 bytes, which is that of code points: what SQL engines order by, and JavaScript does not. */

/** Negative where `a` comes first. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    // The units differ: surrogates sort after all other units, as the code points that they stand for do.
    return rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
  }
  return a.length - b.length;
}

/** UTF-16 units in the order of the code points that they begin. */
function rank(unit: number): number {
  const isSurrogate = unit >= 0xd8_00 && unit <= 0xdf_ff;
  return isSurrogate ? unit + 0x1_00_00 : unit;
}
