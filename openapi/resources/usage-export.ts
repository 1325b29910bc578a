/** The export of all accounts' usage: schemas of its lines, and texts. */
import * as z from "zod/mini";
import type { ExportedCell, ExportPageEnd } from "../../src/api/billing/usage-export.ts";
import { KEY_MODES } from "../../src/identity/key-mode.ts";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { about, named } from "../annotations.ts";
import { CURSOR, type OperationNotes, RANGE_START } from "../notes.ts";
import { amount, count, moment, words } from "../scalars.ts";

const cellSchema = named(
  "ExportedCell",
  "What an account used in an hour on a route with a key. It never changes: store it under account, hour, route and key.",
  z.strictObject({
    account: userIdSchema,
    hour: moment("The hour's first moment."),
    route: words("The route's id; empty for requests that name no route."),
    key: words("The key's id; empty for requests without a key."),
    mode: about("Of the key. Usage without a key is live. Test usage is not billed.", z.enum(KEY_MODES)),
    requests: count("Admitted requests."),
    cost: amount("Tokens (of requests) charged, in thousandths at the finest."),
    denied: count("Denied requests."),
    units: z.exactOptional(
      about(
        "The cost in other units than requests, by unit. Absent: there is none.",
        z.record(z.string(), amount("As `cost`.")),
      ),
    ),
  }) satisfies z.ZodMiniType<ExportedCell>,
);

const pageEndSchema = named(
  "ExportPageEnd",
  "The last line of a page. A page without it was cut off: request it again.",
  z.strictObject({
    cursor: words(
      "Send it as `cursor` for the next page, also after the last one: then it begins where this pass ended.",
    ),
    done: about("Whether the pass has ended: all cells from `from` to `to` have been sent.", z.boolean()),
    from: moment("Start of the pass's first hour."),
    to: moment("End of its last hour."),
  }) satisfies z.ZodMiniType<ExportPageEnd>,
);

const CELL = {
  account: "acme",
  hour: "2026-11-21T01:00:00Z",
  route: "/identify",
  key: "7c49bc07-717d-4019-a06b-602410bbae61",
  mode: "live" as const,
  requests: 120,
  cost: 120,
  denied: 3,
  units: { tokens: 48_123.5 },
};
const END = {
  cursor: "WzEsNDk4ODAxLG51bGwsbnVsbCwiIixudWxsXQ",
  done: true,
  from: "2026-11-01T00:00:00Z",
  to: "2026-11-21T09:00:00Z",
};

const exportUsage: OperationNotes = {
  tag: "Billing",
  summary: "Usage of all accounts by hour, route and key, as NDJSON",
  description:
    "For a data warehouse; `npm run export:usage` is its client (docs/export.md). Only frozen hours: an hour freezes two hours after its end, and from its first export on no cell of it changes. Lines are ordered by account, hour, route and key; deleted accounts are included, users without an account are not, except as `account`. A page is bounded: its last line says where the next one begins.",
  query: {
    from: `${RANGE_START} Rounded down to the hour. Default: from the first cell on.`,
    to: "Exclusive, rounded down to the hour. Default: the first hour that is not frozen.",
    account: "Only usage of this user, who need not have an account.",
    limit: "Cells per page, at most. Default: 2,000.",
    cursor: `${CURSOR} It has the range and the account, which therefore must not be given.`,
  },
  responses: [
    {
      status: 200,
      description: "A page of cells, and its end. The schema is that of a line.",
      contents: [
        {
          type: "application/x-ndjson",
          schema: z.union([cellSchema, pageEndSchema]),
          examples: { cell: CELL, end: END },
        },
      ],
    },
  ],
};

export const USAGE_EXPORT_NOTES = { exportUsage };
