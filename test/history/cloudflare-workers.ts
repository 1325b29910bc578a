/** The one thing of `cloudflare:workers` that the objects' classes are made of, so that the very classes run in Node. */
export abstract class DurableObject<E = unknown> {
  protected readonly ctx: DurableObjectState;
  protected readonly env: E;

  constructor(ctx: DurableObjectState, env: E) {
    this.ctx = ctx;
    this.env = env;
  }
}
