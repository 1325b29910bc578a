/**
 * A pool at work in this isolate: what its requests come to changes the health of its targets, ejected targets are probed, discovered ones
 * are fetched, and metrics and the log say so. All of it is for the requests of one isolate: what it learns in five requests is not worth
 * telling the others.
 *
 * Probes and fetches run under the `waitUntil` of the request that finds them due; requests share only plain data.
 */
import type { Services } from "../../edge/services.ts";
import { originOf } from "../../edge/url-parts.ts";
import type { Pool } from "../../policy/pool.ts";
import type { WaitUntil } from "../../wait-until.ts";
import type { ResolvedUpstream } from "../upstream.ts";
import type { DiscoveryDocument } from "./discovered-targets.ts";
import { discover, DISCOVERY_MS, DiscoverySchedule } from "./discovery.ts";
import { type Failure, isSameList } from "./pool-settings.ts";
import { PoolState, type Target } from "./pool-state.ts";
import { probe } from "./probe.ts";
import type { Epoch } from "./target-health.ts";

/** How a request to a target has ended. `broken`: the response broke off in its body. `left`: the client did not read it to its end. */
export type TryResult = "ok" | Failure | "broken" | "left";

/** What belongs to the request at hand. */
export interface PoolContext {
  readonly waitUntil: WaitUntil;
  /** URL of the request. */
  readonly url: string;
  /** By the Worker's bindings. */
  readonly resolve: (url: string) => ResolvedUpstream;
}

/** Between looks at a list that another request is fetching. */
const POLL_MS = 10;

export class PoolWatch {
  readonly state: PoolState;
  readonly #services: Pick<Services, "log" | "metrics">;
  /** Of the list in `discover`: another list begins anew. */
  #schedule = new DiscoverySchedule();
  #list: DiscoveryDocument | undefined;
  /** By index, what metrics say: targets that were never ejected have no series. */
  readonly #reported = new Map<number, boolean>();

  constructor(pool: Pool, services: Pick<Services, "log" | "metrics">) {
    this.state = new PoolState(pool);
    this.#list = pool.document.discover;
    this.#services = services;
  }

  /** Begins a request: takes over the policy in force, and does what is due. A promise while the pool waits for its first list. */
  begin(pool: Pool, context: PoolContext): void | Promise<void> {
    if (this.state.update(pool)) this.#report();
    const nowMs = Date.now();
    this.state.budget.count(nowMs);
    for (const target of this.state.targets) {
      if (target.health.isProbeDue(nowMs)) context.waitUntil(this.#probe(target, context));
    }
    const { discover: document } = pool.document;
    if (!isSameList(document, this.#list)) this.#schedule = new DiscoverySchedule();
    this.#list = document;
    if (!document) return undefined;
    const hasList = this.state.targets.length > 0;
    const fetched = this.#schedule.begin(document, hasList, nowMs)
      ? this.#discover(pool.name, document)
      : null;
    if (fetched) context.waitUntil(fetched);
    return hasList ? undefined : (fetched ?? this.#awaitList(nowMs));
  }

  /** Counts what a try has come to, and what it says about the target. */
  ended(target: Target, epoch: Epoch, result: TryResult): void {
    const { log, metrics } = this.#services;
    metrics.add("upstreamRequests", [this.state.name, String(target.index), result]);
    if (result === "left") return;
    const hasChanged =
      result === "ok" ? target.health.succeeded(epoch) : target.health.failed(epoch, Date.now());
    if (!hasChanged) return;
    const fields = { pool: this.state.name, target: target.url };
    if (target.health.isEjected) log("warn", "upstream_ejected", { ...fields, reason: result });
    else log("info", "upstream_back", fields);
    this.#report();
  }

  async #probe(target: Target, context: PoolContext): Promise<void> {
    const { epoch } = target.health;
    const upstream = context.resolve(target.url);
    const { scheme, host } = originOf(context.url);
    const works =
      upstream.kind !== "none" && (await probe(upstream, this.state.settings, `${scheme}://${host}`));
    if (!works || !target.health.succeeded(epoch)) return;
    this.#services.log("info", "upstream_back", { pool: this.state.name, target: target.url });
    this.#report();
  }

  /** Never rejects. */
  async #discover(name: string, list: DiscoveryDocument): Promise<void> {
    const { log, metrics } = this.#services;
    const schedule = this.#schedule;
    const found = await discover(list);
    const ageMs = schedule.ended(found.kind === "list", Date.now());
    // The policy names another list meanwhile.
    if (schedule !== this.#schedule) return;
    metrics.peak("upstreamListAge", [name], ageMs / 1_000);
    if (found.kind === "list") {
      this.state.discovered(list, found.targets);
      this.#report();
      return;
    }
    log("warn", "discovery_failed", { pool: name, error: found.error, ageMs });
  }

  /** Waits for the list that another request fetches, on timers of its own. */
  async #awaitList(beganMs: number): Promise<void> {
    while (this.#schedule.isRunning && Date.now() - beganMs < DISCOVERY_MS) await scheduler.wait(POLL_MS);
  }

  /** Brings the gauges up to date: an edit may have changed which target has an index. */
  #report(): void {
    const ejected = new Map(this.state.targets.map(({ index, health }) => [index, health.isEjected]));
    for (const index of new Set([...this.#reported.keys(), ...ejected.keys()])) {
      const is = ejected.get(index) ?? false;
      if (is === (this.#reported.get(index) ?? false)) continue;
      this.#reported.set(index, is);
      this.#services.metrics.set("upstreamEjected", [this.state.name, String(index)], is ? 1 : 0);
    }
  }
}
