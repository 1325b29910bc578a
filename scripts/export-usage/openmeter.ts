/**
 * OpenMeter, or anything else that takes batches of CloudEvents 1.0 (`application/cloudevents-batch+json`): an event for each unit of a
 * cell. The id is made of the cell's key and values, so a receiver drops what it has. OpenMeter does for 32 days: do not export an older
 * range again.
 */
import { createHash } from "node:crypto";
import { call, rejection } from "./call.ts";
import type { Destination, Job } from "./destination.ts";
import { Failure, shownUrl } from "./failure.ts";
import type { Environment } from "./influx.ts";
import { rowsOf, type UsageRow } from "./rows.ts";
import type { Page } from "./source.ts";
import type { StateFile } from "./state-file.ts";

const TYPE = "edge_limiter.usage";
/** About 200 KB. */
const BATCH = 500;

export class OpenMeterDestination implements Destination {
  readonly name: string;
  readonly progressAt: string;
  readonly #url: URL;
  readonly #token: string | null;
  readonly #state: StateFile;
  #source = "";

  constructor(url: URL, environment: Environment, state: StateFile) {
    this.name = shownUrl(url);
    this.#url = new URL(url);
    this.#url.username = this.#url.password = "";
    if (url.pathname === "/") this.#url.pathname = "/api/v1/events";
    this.#token = environment["OPENMETER_TOKEN"] || null;
    this.#state = state;
    this.progressAt = state.path;
  }

  async open(job: Job, isDryRun: boolean): Promise<string | null> {
    this.#source = job.product;
    return (await this.#state.open(job, isDryRun))?.cursor ?? null;
  }

  async write({ cells, end }: Page): Promise<void> {
    const events = rowsOf(cells)
      .filter(({ requests, denied, costMilli }) => requests + denied + costMilli > 0)
      .map((row) => eventOf(row, this.#source));
    for (let from = 0; from < events.length; from += BATCH)
      await this.#send(events.slice(from, from + BATCH));
    await this.#state.put(end);
  }

  async close(): Promise<void> {
    this.#state.close();
  }

  async #send(events: readonly CloudEvent[]): Promise<void> {
    const answer = await call(this.#url, {
      method: "POST",
      headers: {
        "Content-Type": "application/cloudevents-batch+json",
        ...(this.#token === null ? {} : { Authorization: `Bearer ${this.#token}` }),
      },
      body: JSON.stringify(events),
      who: this.name,
      advice: "check that it runs, and --url",
    });
    if (answer.status >= 200 && answer.status < 300) return;
    if (answer.status === 401 || answer.status === 403) {
      throw new Failure(`${this.name} rejects the credential: set OPENMETER_TOKEN`);
    }
    throw rejection(this.name, answer);
  }
}

export interface CloudEvent {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: Readonly<Record<string, string | number>>;
}

/** @param source the product's origin: ids are unique within it. */
export function eventOf(row: UsageRow, source: string): CloudEvent {
  const { account, hour, route, key, unit, mode, requests, denied, costMilli } = row;
  const identity = JSON.stringify([account, hour, route, key, unit, requests, denied, costMilli]);
  return {
    specversion: "1.0",
    id: createHash("sha256").update(identity).digest("base64url"),
    source,
    type: TYPE,
    subject: account,
    time: hour,
    datacontenttype: "application/json",
    data: { route, key, unit, mode, requests, denied, cost: costMilli / 1_000 },
  };
}
