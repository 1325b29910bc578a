/**
 * Networks in CIDR notation (RFC 4632, RFC 4291), and which of them contain an address: one binary search, however many there are and
 * however they overlap.
 *
 * The networks' ends cut the addresses into intervals, each with the set of networks that contain it. An IPv4-mapped address
 * (`::ffff:192.0.2.1`) is the IPv4 address. Pure.
 */
import ipaddr from "ipaddr.js";
import type { Words } from "../identity/address.ts";
import { type Bits, emptyBits, include } from "./path-patterns.ts";

const WORD = 2 ** 32;

export interface Network {
  readonly first: Words;
  readonly last: Words;
  /** Whether it is one of IPv4, written as IPv6: no address is matched as such. */
  readonly isMapped: boolean;
  /** Whether bits behind the prefix are set. */
  readonly hasHostBits: boolean;
  /** With those cleared, as it should be written. */
  readonly text: string;
}

/** Reads a network, or an address as the network of itself. Null if it is neither. */
export function parseNetwork(text: string): Network | null {
  const [, address = "", prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return null;
  const parsed = ipaddr.parse(address);
  const bytes = parsed.toByteArray();
  const bits = prefix === undefined ? bytes.length * 8 : Number(prefix);
  if (bits > bytes.length * 8) return null;
  const mask = bytes.map((_, i) => (0xff << (8 - Math.min(8, Math.max(0, bits - 8 * i)))) & 0xff);
  const first = bytes.map((byte, i) => byte & (mask[i] ?? 0));
  return {
    first: wordsOf(first),
    last: wordsOf(first.map((byte, i) => byte | (~(mask[i] ?? 0) & 0xff))),
    isMapped: bits >= 96 && parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress(),
    hasHostBits: first.some((byte, i) => byte !== bytes[i]),
    text: `${ipaddr.fromByteArray(first).toString()}/${bits}`,
  };
}

/** Whether one network contains another. */
export function contains(wide: Network, narrow: Network): boolean {
  if (wide.first.length !== narrow.first.length) return false;
  return compare(wide.first, narrow.first) <= 0 && compare(narrow.last, wide.last) <= 0;
}

/** The sets of networks by address. */
export class AddressRanges {
  readonly #short: Intervals;
  readonly #long: Intervals;

  /** @param networks each with the index that it includes in the result. @param size the number of indices. */
  constructor(networks: readonly (readonly [network: Network, index: number])[], size: number) {
    const of = (words: number): Intervals =>
      new Intervals(
        networks.filter(([{ first }]) => first.length === words),
        words,
        size,
      );
    this.#short = of(1);
    this.#long = of(4);
  }

  /** The indices whose networks contain the address. Not to be changed. */
  find(address: Words): Bits {
    return (address.length === 1 ? this.#short : this.#long).find(address);
  }
}

/** All addresses of one length, cut where a network begins or has ended. */
class Intervals {
  readonly #width: number;
  /** The first addresses of the intervals, ascending, `width` words each. */
  readonly #starts: Uint32Array;
  /** The set of each interval. The one before the first start is empty. */
  readonly #sets: readonly Bits[];

  constructor(networks: readonly (readonly [Network, number])[], width: number, size: number) {
    const cuts: { readonly at: Words; readonly index: number; readonly change: 1 | -1 }[] = [];
    for (const [{ first, last }, index] of networks) {
      cuts.push({ at: first, index, change: 1 });
      const after = next(last);
      if (after) cuts.push({ at: after, index, change: -1 });
    }
    cuts.sort((one, other) => compare(one.at, other.at));
    const starts: number[] = [];
    const sets = [emptyBits(size)];
    /** Networks of each index that contain the interval: those of one index may overlap. */
    const open = new Uint16Array(size);
    /** Equal sets are shared: most policies have few different ones. */
    const known = new Map<string, Bits>();
    for (const [i, { at, index, change }] of cuts.entries()) {
      open[index] = (open[index] ?? 0) + change;
      const following = cuts[i + 1];
      if (following && compare(at, following.at) === 0) continue;
      const set = emptyBits(size);
      for (const [of, count] of open.entries()) if (count > 0) include(set, of);
      starts.push(...at);
      const name = set.join();
      const shared = known.get(name) ?? set;
      known.set(name, shared);
      sets.push(shared);
    }
    this.#width = width;
    this.#starts = Uint32Array.from(starts);
    this.#sets = sets;
  }

  find(address: Words): Bits {
    let low = 0;
    let high = this.#sets.length - 1;
    // The number of starts that are not after the address.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isAfter(middle, address)) high = middle;
      else low = middle + 1;
    }
    return this.#sets[low] ?? new Uint32Array();
  }

  /** Whether the i-th interval starts after the address. */
  #isAfter(i: number, address: Words): boolean {
    const width = this.#width;
    for (let w = 0; w < width; w++) {
      const [start, word] = [this.#starts[i * width + w] ?? 0, address[w] ?? 0];
      if (start !== word) return start > word;
    }
    return false;
  }
}

function wordsOf(bytes: readonly number[]): number[] {
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    words.push(bytes.slice(i, i + 4).reduce((word, byte) => word * 256 + byte, 0));
  }
  return words;
}

/** The following address; null after the last. */
function next(address: Words): Words | null {
  const words = [...address];
  for (let w = words.length - 1; w >= 0; w--) {
    const word = (words[w] ?? 0) + 1;
    if (word < WORD) {
      words[w] = word;
      return words;
    }
    words[w] = 0;
  }
  return null;
}

function compare(one: Words, other: Words): number {
  for (let w = 0; w < one.length; w++) {
    const difference = (one[w] ?? 0) - (other[w] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
