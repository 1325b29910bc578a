/**
 * Lets a local product stand still right after a step of a close (closing-steps.ts). Wraps the production bundle, in workerd, so the product
 * itself knows nothing of it, and a deployment cannot have it (stoppable-modules.ts).
 *
 * What the turn of the step has written is on disk then, as one commit, as the platform promises. Nothing that follows it is: from the step
 * on, no call reaches an object or returns from one, no alarm runs, and nothing returns from asynchronous storage or from KV. Before it, the
 * alarms of other accounts do not run.
 */
import { CLOSING_STEPS, type Shown, type Stop, stoppedLine } from "./closing-steps.ts";

type Method = (...given: readonly unknown[]) => unknown;
type Bindings = Readonly<Record<string, unknown>>;

interface ObjectContext {
  readonly id: { readonly name?: string };
  readonly storage: { readonly sql: object; readonly sync: () => Promise<void> };
}
interface Inner {
  alarm?(info?: unknown): Promise<void>;
}
type ObjectClass = new (ctx: ObjectContext, env: Bindings) => Inner;

interface Handler {
  fetch(request: Request, env: Bindings, ctx: unknown): unknown;
}

let wanted: Stop | null = null;
let isStopped = false;

/** Call before anything runs. */
export function stopAfter(given: Stop): void {
  wanted = given;
}

/** The handler of the Worker. */
export function stoppingHandler(inner: Handler): Handler {
  return { fetch: (request, env, ctx) => held(() => inner.fetch(request, stoppingEnv(env), ctx)) };
}

/** An object class of the Worker. @param name its own. */
export function stoppingObject(name: string, InnerClass: ObjectClass): ObjectClass {
  return class extends InnerClass {
    readonly #isOf: (object: string) => boolean;

    constructor(ctx: ObjectContext, env: Bindings) {
      const { id, storage } = ctx;
      const isOf = (object: string): boolean =>
        object === name && (name !== "UserLimiter" || id.name === `user:${wanted?.account}`);
      const value = stoppingStorage(storage, (query, bindings) =>
        shows((shown) => shown.by === "write" && isOf(shown.object) && shown.is(query, bindings)),
      );
      Object.defineProperty(ctx, "storage", { value, configurable: true });
      super(ctx, stoppingEnv(env));
      this.#isOf = isOf;
    }

    override async alarm(info?: unknown): Promise<void> {
      // When the product starts, the alarms of all accounts are due. Alarms of other accounts would already take steps that a later start waits for.
      if (name === "UserLimiter" && !this.#isOf(name)) await forever();
      if (name === "UserLimiter" && shows((shown) => shown.by === "alarm")) stop();
      await held(() => super.alarm?.(info));
    }
  };
}

/** Whether this is the step to stop after. */
function shows(is: (shown: Shown) => boolean): boolean {
  return wanted !== null && !isStopped && is(CLOSING_STEPS[wanted.step]);
}

/** @param written resolves when the step is on disk; by default, it writes nothing. */
function stop(written: () => Promise<void> = async () => undefined): void {
  if (wanted === null) return;
  const line = stoppedLine(wanted);
  isStopped = true;
  // The rest of the turn belongs to its commit.
  queueMicrotask(() => {
    // oxlint-disable-next-line no-console -- the product's output, which the test reads
    void written().then(() => console.log(line));
  });
}

/** Neither begins nor ends once the product has stopped. */
async function held<T>(work: () => T | Promise<T>): Promise<T> {
  if (isStopped) await forever();
  return after(await work());
}

async function after<T>(value: T): Promise<T> {
  if (isStopped) await forever();
  return value;
}

/** A timer: workerd cancels what waits for nothing. */
function forever(): Promise<void> {
  return new Promise((done) => setTimeout(done, 2 ** 31 - 1));
}

function stoppingStorage<T extends ObjectContext["storage"]>(
  storage: T,
  isStep: (query: string, bindings: readonly unknown[]) => boolean,
): T {
  const sql = proxied(storage.sql, (name, member) => {
    if (name !== "exec") return member;
    return (query, ...bindings) => {
      const cursor = member(query, ...bindings);
      if (isStep(String(query), bindings)) stop(() => storage.sync());
      return cursor;
    };
  });
  return proxied(
    storage,
    (_name, member) =>
      (...given) => {
        const result = member(...given);
        return result instanceof Promise ? result.then(after) : result;
      },
    { sql },
  );
}

const envs = new WeakMap<Bindings, Bindings>();

/** The bindings, with objects and KV that answer nobody once the product has stopped. */
function stoppingEnv(env: Bindings): Bindings {
  const known = envs.get(env);
  if (known) return known;
  const wrapped = Object.fromEntries(
    Object.entries(env).map(([binding, value]) => [binding, stoppingBinding(binding, value)]),
  );
  envs.set(env, wrapped);
  return wrapped;
}

function stoppingBinding(binding: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isMethod(Reflect.get(value, "getByName"))) {
    return proxied(value, (name, member) => {
      if (name !== "get" && name !== "getByName") return member;
      return (...given) => stoppingStub(binding, member(...given));
    });
  }
  if (!isMethod(Reflect.get(value, "getWithMetadata"))) return value;
  return proxied(value, (name, member) => async (...given) => {
    const result = await held(() => member(...given));
    const [key] = given;
    if (name === "put" && shows((shown) => shown.by === "kv" && String(key).startsWith(shown.prefix))) {
      stop();
      await forever();
    }
    return result;
  });
}

function stoppingStub(binding: string, stub: unknown): unknown {
  if (typeof stub !== "object" || stub === null) return stub;
  return proxied(stub, (name, member) => (...given) => {
    if (shows((shown) => shown.by === "call" && shown.binding === binding && shown.method === name)) stop();
    return held(() => member(...given));
  });
}

function isMethod(value: unknown): value is Method {
  return typeof value === "function";
}

/** The object with its methods replaced. Those of the platform need their own `this`. */
function proxied<T extends object>(
  target: T,
  replace: (name: string | symbol, member: Method) => Method,
  own: Readonly<Record<string, unknown>> = {},
): T {
  return new Proxy(target, {
    get(_target, name) {
      if (typeof name === "string" && Object.hasOwn(own, name)) return own[name];
      const member: unknown = Reflect.get(target, name, target);
      // Not bind: of a stub, that is a call of its object.
      return isMethod(member) ? replace(name, (...given) => Reflect.apply(member, target, given)) : member;
    },
  });
}
