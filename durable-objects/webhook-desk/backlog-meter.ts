/** Metrics of the WebhookDesk's backlog. */
import { MINUTE_MS } from "../../src/core/time.ts";
import type { DeskStore } from "./desk-store.ts";
import type { EndpointLoads } from "./endpoint-loads.ts";

export const REPORT_MS = MINUTE_MS;

/** The metrics that the desk keeps (src/analytics/metrics/families.ts). */
export interface DeskMetrics {
  add(family: "webhookAttempts", labels: readonly [outcome: string]): void;
  set(family: "webhookWaiting" | "webhookDisabled", labels: readonly [], value: number): void;
  peak(family: "webhookOldestSeconds", labels: readonly [], value: number): void;
}

export class BacklogMeter {
  readonly #store: DeskStore;
  readonly #loads: EndpointLoads;
  readonly #metrics: DeskMetrics;
  #measuredMs = -Infinity;
  /** Whether anything waited at the last measurement. */
  #isBehind = false;
  /** Whether the last measurement changed `#isBehind`, and no alarm has started since. */
  #mustReport = false;

  constructor(store: DeskStore, loads: EndpointLoads, metrics: DeskMetrics) {
    this.#store = store;
    this.#loads = loads;
    this.#metrics = metrics;
  }

  /** Whether the desk must wake within {@link REPORT_MS}, to measure or to report again. */
  get isDue(): boolean {
    return this.#isBehind || this.#mustReport;
  }

  /** Call when an alarm starts: it reports the metrics when it ends. */
  alarmStarted(): void {
    this.#mustReport = false;
  }

  measure(nowMs: number): void {
    const { endpoints, deliveries } = this.#store;
    const waiting = endpoints.reduce((sum, endpoint) => sum + this.#loads.of(endpoint).waiting, 0);
    // Only now and then: counting reads whole queues.
    const hasCaughtUp = waiting === 0 && this.#isBehind;
    if (nowMs - this.#measuredMs < REPORT_MS && !hasCaughtUp) return;
    this.#measuredMs = nowMs;
    const oldestMs = Math.min(nowMs, ...endpoints.map(({ id }) => deliveries.backlog(id).oldestMs ?? nowMs));
    this.#metrics.set("webhookWaiting", [], waiting);
    const disabled = endpoints.filter(({ disabled: why }) => why !== null && why !== "operator");
    this.#metrics.set("webhookDisabled", [], disabled.length);
    this.#metrics.peak("webhookOldestSeconds", [], (nowMs - oldestMs) / 1_000);
    this.#mustReport = this.#isBehind !== waiting > 0;
    this.#isBehind = waiting > 0;
  }
}
