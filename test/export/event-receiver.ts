/**
 * A receiver of CloudEvents 1.0 batches that is as strict as the specification, and drops events whose id and source it has, as OpenMeter
 * does. Keeps what it accepted.
 */
import { createServer, type IncomingMessage } from "node:http";
import * as z from "zod/mini";

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#context-attributes */
const eventSchema = z.strictObject({
  specversion: z.literal("1.0"),
  id: z.string().check(z.minLength(1)),
  // A URI-reference that is not empty.
  source: z.string().check(
    z.minLength(1),
    z.refine((text) => URL.canParse(text, "https://base.test")),
  ),
  type: z.string().check(z.minLength(1)),
  subject: z.string().check(z.minLength(1)),
  time: z.iso.datetime({ offset: true }),
  datacontenttype: z.literal("application/json"),
  data: z.strictObject({
    route: z.string(),
    key: z.string(),
    unit: z.string().check(z.minLength(1)),
    mode: z.enum(["live", "test"]),
    requests: z.int().check(z.gte(0)),
    denied: z.int().check(z.gte(0)),
    cost: z.number().check(z.gte(0)),
  }),
});
export type ReceivedEvent = z.infer<typeof eventSchema>;

export interface EventReceiver {
  readonly url: URL;
  /** Each id of a source once. */
  readonly events: ReadonlyMap<string, ReceivedEvent>;
  /** Batches, and events in them with those that were dropped. */
  readonly counts: { batches: number; events: number };
  readonly faults: readonly string[];
  /** Statuses to answer next, instead of accepting. */
  readonly refusals: { status: number; headers?: Readonly<Record<string, string>> }[];
  close(): void;
}

export async function startEventReceiver(token: string): Promise<EventReceiver> {
  const events = new Map<string, ReceivedEvent>();
  const counts = { batches: 0, events: 0 };
  const faults: string[] = [];
  const refusals: EventReceiver["refusals"] = [];
  const accept = (request: IncomingMessage, body: string): number => {
    if (request.headers.authorization !== `Bearer ${token}`) return 401;
    if (request.method !== "POST" || request.url !== "/api/v1/events") return 404;
    if (request.headers["content-type"] !== "application/cloudevents-batch+json") return 415;
    const batch = z.array(eventSchema).safeParse(JSON.parse(body));
    if (!batch.success) {
      faults.push(z.prettifyError(batch.error));
      return 400;
    }
    counts.batches += 1;
    for (const event of batch.data) {
      counts.events += 1;
      const identity = `${event.source} ${event.id}`;
      const before = events.get(identity);
      // The same id must be the same event.
      if (before && JSON.stringify(before) !== JSON.stringify(event))
        faults.push(`${identity} has two meanings`);
      events.set(identity, before ?? event);
    }
    return 204;
  };
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      const refusal = refusals.shift();
      response.writeHead(refusal?.status ?? accept(request, body), refusal?.headers).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    url: new URL(`http://127.0.0.1:${address.port}`),
    events,
    counts,
    faults,
    refusals,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
