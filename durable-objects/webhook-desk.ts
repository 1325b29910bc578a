/**
 * WebhookDesk: delivers events to endpoints. src/objects/webhook-desk.ts documents the methods.
 *
 * Only the class is here: what it does is in a module that the isolate loads with the first call (webhook-desk/desk.ts).
 */
import type { DeskRequest, WebhookDeskRpc } from "../src/objects/webhook-desk.ts";
import { loadWebhooks } from "../src/webhook-module.ts";
import { countedStorage, reportMetrics } from "./object-metrics.ts";
import { persistently } from "./persistent-alarm.ts";
import { PlacedObject } from "./placed-object.ts";
import type { Desk } from "./webhook-desk/desk.ts";

export class WebhookDesk extends PlacedObject implements WebhookDeskRpc {
  #desk: Desk | null = null;

  async put(id: string, body: string) {
    await (await this.#open()).put(id, body);
    reportMetrics(this.ctx, this.env);
  }

  async ask(request: DeskRequest) {
    return (await this.#open()).ask(request);
  }

  override async alarm(info?: AlarmInvocationInfo) {
    await persistently(this.ctx.storage, info, async () => (await this.#open()).run());
    reportMetrics(this.ctx, this.env);
  }

  async #open(): Promise<Desk> {
    const { deskOf } = await loadWebhooks();
    return (this.#desk ??= deskOf(countedStorage(this.ctx.storage, "WebhookDesk"), (work) =>
      this.ctx.waitUntil(work),
    ));
  }
}
