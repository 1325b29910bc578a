/** Puts users' objects at a distance: each call to one takes longer by a round trip. Without a distance it changes nothing. */

/** The same bindings. The variable DISTANCE_MS is the round trip in milliseconds. */
export function withDistance(env: Env): Env {
  const ms = Number(Reflect.get(env, "DISTANCE_MS") ?? 0);
  return ms > 0 ? { ...env, USER_LIMITER: distant(env.USER_LIMITER, ms) } : env;
}

/** A namespace whose stubs wait half of the time before each call and half of it after. */
export function distant<T extends object>(namespace: T, ms: number): T {
  return new Proxy(namespace, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        const made: unknown = Reflect.apply(member, target, given);
        const isStub = (name === "get" || name === "getByName") && typeof made === "object" && made !== null;
        return isStub ? distantStub(made, ms) : made;
      };
    },
  });
}

function distantStub<T extends object>(stub: T, ms: number): T {
  return new Proxy(stub, {
    get(_target, name) {
      const member: unknown = Reflect.get(stub, name, stub);
      if (typeof member !== "function") return member;
      return async (...given: unknown[]): Promise<unknown> => {
        await scheduler.wait(ms / 2);
        const answer: unknown = await Reflect.apply(member, stub, given);
        await scheduler.wait(ms / 2);
        return answer;
      };
    },
  });
}
