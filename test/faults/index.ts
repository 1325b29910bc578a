/**
 * The product's Worker with faults that a test switches on with `/__faults?hub=…&limiter=…`. Never part of the product: only
 * test/blackbox/faults.test.ts builds it, around the product's bundle in place of src/index.ts.
 *
 * Everything except the faults is the product's own code. In a local workerd the edge and the objects share an isolate, so
 * they share the switches.
 */
import product, { MetricsHub as Hub, UserLimiter as Limiter } from "../../src/index.ts";

export {
  AccountDirectory,
  BillingRegister,
  EdgeLimiter,
  PolicyRegistry,
  WebhookDesk,
} from "../../src/index.ts";

const faults = {
  /** `down` rejects every batch; `crash` aborts the hub once, before it accepts the batch. */
  hub: "none",
  /** `hang` never answers; `throw` fails every call; `slow` answers after {@link slowMs}. */
  limiter: "none",
  /** By default shorter than the deadline in the tests, but long enough for the queue to fill. */
  slowMs: "750",
};

export class MetricsHub extends Hub {
  override record(input: unknown): boolean {
    if (faults.hub === "down") throw new Error("the hub is down");
    if (faults.hub === "crash") {
      faults.hub = "none";
      this.ctx.abort("the hub was killed");
    }
    return super.record(input);
  }
}

export class UserLimiter extends Limiter {
  override async serve(
    call: Parameters<Limiter["serve"]>[0],
  ): Promise<Awaited<ReturnType<Limiter["serve"]>>> {
    if (faults.limiter === "throw") throw new Error("the object is down");
    if (faults.limiter === "hang") await new Promise<never>(() => undefined);
    if (faults.limiter === "slow") await scheduler.wait(Number(faults.slowMs));
    return super.serve(call);
  }
}

export default {
  fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/__faults") return product.fetch(request, env, context);
    faults.hub = searchParams.get("hub") ?? faults.hub;
    faults.limiter = searchParams.get("limiter") ?? faults.limiter;
    faults.slowMs = searchParams.get("slowMs") ?? faults.slowMs;
    return Response.json(faults);
  },
} satisfies ExportedHandler<Env>;
