/**
 * The limiter as in bench/workers/ours, with every billed operation counted that the edge and the objects perform through their
 * bindings. GET /bench/operations returns the counts since the start. Never timed.
 */
import { AccountDirectory as Directory } from "../../../durable-objects/account-directory.ts";
import { BillingRegister as Register } from "../../../durable-objects/billing-register.ts";
import { MetricsHub as Hub } from "../../../durable-objects/metrics-hub.ts";
import { PolicyRegistry as Registry } from "../../../durable-objects/policy-registry.ts";
import { UserLimiter as User } from "../../../durable-objects/user-limiter.ts";
import { WebhookDesk as Desk } from "../../../durable-objects/webhook-desk.ts";
import { countsOf } from "../../price.ts";
import { measureAwake, measureTimers, measureWork } from "../awake.ts";
import { countCredentialChecks, counted, countRows } from "../operations.ts";
import { selfAnswering } from "../self-answering.ts";

/** The counts of this isolate, in which the edge and all objects run. */
const operations = countsOf(() => 0);
countRows(operations);
countCredentialChecks(operations);
measureTimers(operations);

export class UserLimiter extends User {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
    measureWork(this, ctx, operations);
  }
}
export class AccountDirectory extends Directory {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
    measureWork(this, ctx, operations);
  }
}
export class BillingRegister extends Register {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
    measureWork(this, ctx, operations);
  }
}
export class WebhookDesk extends Desk {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
    measureWork(this, ctx, operations);
  }
}
export class PolicyRegistry extends Registry {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
    measureWork(this, ctx, operations);
  }
}
export class MetricsHub extends Hub {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
    measureWork(this, ctx, operations);
  }
}
for (const object of [UserLimiter, AccountDirectory, PolicyRegistry]) {
  measureAwake(object, operations, "objectCalls");
}
measureAwake(MetricsHub, operations, "hubCalls");

const answer = selfAnswering((env) => counted(env, operations));

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/bench/operations") return Response.json(operations);
    return answer(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
