/** The live stream of decisions: texts. */
import type { OperationNotes } from "../notes.ts";

const live: OperationNotes = {
  tag: "Reports",
  summary: "Decisions as they are made, over a WebSocket",
  description:
    'A WebSocket of JSON text frames. The server sends {"seq", "rows", "skipped"}: decisions that pass the filters, at most 20 per second, and how many were skipped since the previous frame. Answer each frame with {"ack": seq}: with five frames unanswered, the server sends nothing until you do. {"filters": {...}} and {"pause": true} may be sent at any time. An administrator (a token with its sessions, or a user of Cloudflare Access) may have five streams: a sixth closes the oldest with code 4001, and clients must not reopen it automatically. At most 50 streams are open in total. A further one closes the oldest stream of the administrator with the most, if that has more than the newcomer; if every administrator has one, the new stream is 503. Code 1008: the session has ended.',
  query: {
    account: "Only this subject's decisions: a user's id, `user:<id>` or `ip:<address>`.",
    route: "Only decisions on this route, by its id.",
    tier: "Only decisions by this tier.",
    outcome: "Only decisions with this outcome.",
    reason: "Only decisions with this reason.",
    source: "Only decisions from this source.",
  },
  responses: [{ status: 101, description: "The stream is open." }],
  problems: ["upgrade_required"],
};

export const LIVE_NOTES = { live };
