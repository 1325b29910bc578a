/** Orders strings by their UTF-8 bytes, which is the order of code points: SQL engines order so, JavaScript does not. */

/** Negative if `a` comes first. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    // The units differ. Surrogates sort after all other units, as their code points do.
    return rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
  }
  return a.length - b.length;
}

/** UTF-16 units in the order of the code points that they begin. */
function rank(unit: number): number {
  const isSurrogate = unit >= 0xd8_00 && unit <= 0xdf_ff;
  return isSurrogate ? unit + 0x1_00_00 : unit;
}
