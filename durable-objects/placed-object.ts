/** What every object's class extends: its `env` has all objects in the deployment's jurisdiction (src/objects/jurisdiction.ts). */
import { DurableObject } from "cloudflare:workers";
import { placed } from "../src/objects/jurisdiction.ts";

export abstract class PlacedObject extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, placed(env));
  }
}
