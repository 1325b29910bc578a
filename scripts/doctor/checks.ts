/** All checks of the doctor in the order they run: machine, checkout, Cloudflare, running product. */
import type { Check } from "./check.ts";
import { deployedSecrets, jurisdiction, login, namespace } from "./cloudflare-checks.ts";
import { bindings, localSecrets, policy, types, variables } from "./configuration-checks.ts";
import { dependencies, node, workerd, wrangler } from "./machine-checks.ts";
import { localStripe } from "./stripe-check.ts";
import { clock, health, limiter, ready, store } from "./target-checks.ts";
import { upstream } from "./upstream-check.ts";

export const CHECKS: readonly Check[] = [
  {
    id: "node",
    title: "Node",
    examines: "npm scripts run on the pinned version",
    needs: "checkout",
    run: node,
  },
  {
    id: "dependencies",
    title: "Dependencies",
    examines: "package.json, the lock file and node_modules agree",
    needs: "checkout",
    run: dependencies,
  },
  {
    id: "wrangler",
    title: "Wrangler",
    examines: "runs, in the pinned version",
    needs: "checkout",
    run: wrangler,
  },
  {
    id: "workerd",
    title: "workerd",
    examines: "the runtime's binary runs on this machine",
    needs: "checkout",
    run: workerd,
  },
  {
    id: "bindings",
    title: "Bindings",
    examines: "wrangler.toml declares the KV namespace and the Durable Objects",
    needs: "checkout",
    run: bindings,
  },
  {
    id: "types",
    title: "Generated types",
    examines: "worker-configuration.d.ts matches wrangler.toml",
    needs: "checkout",
    run: types,
  },
  { id: "policy", title: "Policy", examines: "policy/default.json compiles", needs: "checkout", run: policy },
  {
    id: "variables",
    title: "Variables",
    examines: "the Worker accepts its variables and secrets",
    needs: "checkout",
    run: variables,
  },
  {
    id: "upstream",
    title: "Upstream",
    examines: "UPSTREAM is set, and no upstream is the product's own host",
    needs: "checkout",
    run: upstream,
  },
  {
    id: "local-secrets",
    title: "Local secrets",
    examines: ".dev.vars has the secrets that wrangler.toml requires",
    needs: "local",
    run: localSecrets,
  },
  {
    id: "stripe",
    title: "Stripe",
    examines: "Stripe's secrets are both set, or none, and locally those of test mode",
    needs: "local",
    run: localStripe,
  },
  {
    id: "login",
    title: "Wrangler login",
    examines: "wrangler is logged in, to one account",
    needs: "cloudflare",
    run: login,
  },
  {
    id: "deployed-secrets",
    title: "Deployed secrets",
    examines: "the Worker has the secrets that wrangler.toml requires",
    needs: "cloudflare",
    run: deployedSecrets,
  },
  {
    id: "kv-namespace",
    title: "KV namespace",
    examines: "the account has the namespace for CONFIG",
    needs: "cloudflare",
    run: namespace,
  },
  {
    id: "jurisdiction",
    title: "Jurisdiction",
    examines: "JURISDICTION is the one in which the deployment was first used",
    needs: "cloudflare",
    run: jurisdiction,
  },
  {
    id: "health",
    title: "Health",
    examines: "GET /health reports ok and this checkout's version",
    needs: "target",
    run: health,
  },
  { id: "ready", title: "Readiness", examines: "GET /ready reports ready", needs: "target", run: ready },
  { id: "kv", title: "KV", examines: "the product reads its policy from KV", needs: "target", run: store },
  {
    id: "limiter",
    title: "Limiter",
    examines: "a Durable Object answers a status request",
    needs: "target",
    run: limiter,
  },
  {
    id: "clock",
    title: "Clock",
    examines: "the product's clock agrees with this machine's",
    needs: "target",
    run: clock,
  },
];
