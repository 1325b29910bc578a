/** How many live streams may be open, and which one gives way to a newcomer. Pure. */

/** Streams open at once: each decision is checked once for each of them. */
export const MAX_STREAMS = 50;
/** Of one actor (a token with its sessions, or a user of Cloudflare Access): enough for some tabs and a colleague. */
export const MAX_STREAMS_OF_ONE = 5;

/**
 * Which of the open streams (given by their actors, oldest first) is closed for one more of `newcomer`: its index, `nobody` if there is
 * room, or `full` if the newcomer is rejected. An actor's newest stream replaces its oldest. Another actor's stream is closed only if all
 * streams are taken and that actor still has at least as many as the newcomer afterwards.
 */
export function giveWay(newcomer: string, open: readonly string[]): number | "nobody" | "full" {
  const counts = new Map<string, number>();
  for (const actor of open) counts.set(actor, (counts.get(actor) ?? 0) + 1);
  const own = counts.get(newcomer) ?? 0;
  if (own >= MAX_STREAMS_OF_ONE) return open.indexOf(newcomer);
  if (open.length < MAX_STREAMS) return "nobody";
  const most = Math.max(...counts.values());
  if (most > own + 1) return open.findIndex((actor) => counts.get(actor) === most);
  return own > 0 ? open.indexOf(newcomer) : "full";
}
