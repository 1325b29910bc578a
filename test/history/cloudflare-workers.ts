/** The part of `cloudflare:workers` that the object classes need, so that the real classes run in Node. */
export abstract class DurableObject<E = unknown> {
  protected readonly ctx: DurableObjectState;
  protected readonly env: E;

  constructor(ctx: DurableObjectState, env: E) {
    this.ctx = ctx;
    this.env = env;
  }
}
