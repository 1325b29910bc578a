/**
 * What is wrong with the pools of a new document, each with its path and what to do. Stored documents are not checked by it: they compile
 * forever, so a check may become stricter here.
 *
 * Pure: no I/O and no clock.
 */
import type { Policy } from "./compile.ts";
import { type Fault, pointer } from "./fault.ts";
import type { Pool } from "./pool.ts";
import { upstreamFault, upstreamWarning } from "./upstream-address.ts";

/** @param isService whether the Worker has a service of that name. */
export function poolFaults({ pools }: Policy, isService: (binding: string) => boolean): Fault[] {
  return [...pools.values()].flatMap((pool) =>
    [
      ofAddresses(pool, (url) => upstreamFault(url, isService)),
      repeatedTargets(pool),
      uselessFields(pool),
    ].flat(),
  );
}

/** Pools that no route uses, and targets that may answer but are doubtful. @param ownHost the host under which this Worker was called. */
export function poolWarnings({ pools, routes }: Policy, ownHost: string): Fault[] {
  const used = new Set(routes.all.map(({ pool }) => pool));
  return [...pools.values()].flatMap((pool) => {
    const doubts = ofAddresses(pool, (url) => upstreamWarning(url, ownHost));
    if (!used.has(pool))
      doubts.push(faultOf(pool, [], `no route uses it: a route names it as "pool:${pool.name}"`));
    return doubts;
  });
}

/** Of each address for which `check` finds a fault. */
function ofAddresses(pool: Pool, check: (url: string) => string | null): Fault[] {
  const { targets = [], discover } = pool.document;
  const addresses = [
    ...targets.map(({ url }, i) => ({ url, path: ["targets", i, "url"] })),
    ...(discover ? [{ url: discover.url, path: ["discover", "url"] }] : []),
  ];
  return addresses.flatMap(({ url, path }) => {
    const message = check(url);
    return message === null ? [] : [faultOf(pool, path, message)];
  });
}

/** A target that is listed twice would have one health and two shares. */
function repeatedTargets(pool: Pool): Fault[] {
  const listed = new Map<string, number>();
  return (pool.document.targets ?? []).flatMap(({ url }, i) => {
    const address = (URL.parse(url)?.href ?? url).replace(/\/$/, "");
    const first = listed.get(address);
    if (first === undefined) {
      listed.set(address, i);
      return [];
    }
    return [
      faultOf(pool, ["targets", i, "url"], `is target ${first} again: give that one more weight instead`),
    ];
  });
}

/** Fields without an effect, which the author must have meant differently. */
function uselessFields(pool: Pool): Fault[] {
  const { retry } = pool.document;
  if (retry?.tryTimeoutMs === undefined || retry.on?.includes("timeout")) return [];
  const message =
    'has an effect only if "on" contains "timeout": a try is cut off only to make room for another';
  return [faultOf(pool, ["retry", "tryTimeoutMs"], message)];
}

function faultOf({ name }: Pool, path: readonly PropertyKey[], message: string): Fault {
  return { path: pointer(["upstreams", name, ...path]), message };
}
