/**
 * The limiter as in ours.ts, with every billed operation counted: what the edge and the objects call, read and write by their
 * bindings. GET /bench/operations tells and does not reset. Never timed.
 */
import { AccountDirectory as Directory } from "../../../durable-objects/account-directory.ts";
import { MetricsHub as Hub } from "../../../durable-objects/metrics-hub.ts";
import { PolicyRegistry as Registry } from "../../../durable-objects/policy-registry.ts";
import { UserLimiter as User } from "../../../durable-objects/user-limiter.ts";
import { type Operations, counted, countRows } from "../operations.ts";
import { selfAnswering } from "../self-answering.ts";

/** Of this isolate, in which the edge and all objects run. */
const operations: Operations = {
  objectCalls: 0,
  hubCalls: 0,
  rowsWritten: 0,
  hubRows: 0,
  kvReads: 0,
  kvWrites: 0,
  dataPoints: 0,
};
countRows(operations);

export class UserLimiter extends User {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
  }
}
export class AccountDirectory extends Directory {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
  }
}
export class PolicyRegistry extends Registry {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
  }
}
export class MetricsHub extends Hub {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env, operations));
  }
}

const answer = selfAnswering((env) => counted(env, operations));

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/bench/operations") return Response.json(operations);
    return answer(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
