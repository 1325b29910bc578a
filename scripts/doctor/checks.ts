/** Every check of the doctor, in the order in which they run: from the machine over the checkout to the running product. */
import type { Check } from "./check.ts";
import { deployedSecrets, login, namespace } from "./cloudflare-checks.ts";
import { bindings, localSecrets, policy, types, upstream, variables } from "./configuration-checks.ts";
import { dependencies, node, workerd, wrangler } from "./machine-checks.ts";
import { clock, health, limiter, ready, store } from "./target-checks.ts";

export const CHECKS: readonly Check[] = [
  { id: "node", title: "Node", examines: "npm scripts run on the pinned Node", needs: "checkout", run: node },
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
    examines: "it runs, in the pinned version",
    needs: "checkout",
    run: wrangler,
  },
  {
    id: "workerd",
    title: "workerd",
    examines: "the runtime's binary runs here",
    needs: "checkout",
    run: workerd,
  },
  {
    id: "bindings",
    title: "Bindings",
    examines: "wrangler.toml declares KV, the objects and their export",
    needs: "checkout",
    run: bindings,
  },
  {
    id: "types",
    title: "Generated types",
    examines: "worker-configuration.d.ts follows wrangler.toml",
    needs: "checkout",
    run: types,
  },
  { id: "policy", title: "Policy", examines: "policy/default.json compiles", needs: "checkout", run: policy },
  {
    id: "variables",
    title: "Variables",
    examines: "the Worker's own reader takes them",
    needs: "checkout",
    run: variables,
  },
  { id: "upstream", title: "Upstream", examines: "UPSTREAM is set", needs: "checkout", run: upstream },
  {
    id: "local-secrets",
    title: "Local secrets",
    examines: ".dev.vars has what wrangler.toml requires",
    needs: "local",
    run: localSecrets,
  },
  {
    id: "login",
    title: "Wrangler login",
    examines: "who deploys, to which account",
    needs: "cloudflare",
    run: login,
  },
  {
    id: "deployed-secrets",
    title: "Deployed secrets",
    examines: "the Worker has what wrangler.toml requires",
    needs: "cloudflare",
    run: deployedSecrets,
  },
  {
    id: "kv-namespace",
    title: "KV namespace",
    examines: "the account has the namespace of CONFIG",
    needs: "cloudflare",
    run: namespace,
  },
  {
    id: "health",
    title: "Health",
    examines: "GET /health, and the version that runs",
    needs: "target",
    run: health,
  },
  { id: "ready", title: "Readiness", examines: "GET /ready", needs: "target", run: ready },
  { id: "kv", title: "KV", examines: "the product reads its policy from KV", needs: "target", run: store },
  {
    id: "limiter",
    title: "Limiter",
    examines: "an object answers a status question",
    needs: "target",
    run: limiter,
  },
  {
    id: "clock",
    title: "Clock",
    examines: "the product's clock against this machine's",
    needs: "target",
    run: clock,
  },
];
