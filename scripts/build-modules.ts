/**
 * Builds src/modules/*.mjs: parts of the Worker that an isolate loads on first use, so that the others neither load nor parse them.
 * `wrangler deploy` uploads them beside the bundle. They contain copies of what they share with the bundle, so they must receive state
 * as arguments and never keep any that the bundle also keeps.
 */
import { basename, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { writeChanged } from "./write-changed.ts";

const ROOT = join(import.meta.dirname, "..");
/** Each module's name and its source. */
const MODULES: Readonly<Record<string, string>> = {
  admin: "src/api/admin-app.ts",
  analytics: "durable-objects/analytics-store/module.ts",
  billing: "durable-objects/user-limiter/billing/module.ts",
  control: "durable-objects/control.ts",
  cache: "src/gateway/cache/serve-cached.ts",
  events: "durable-objects/events/module.ts",
  pdf: "src/documents/invoice-pdf.ts",
  portal: "src/api/portal/portal-app.ts",
  pools: "src/gateway/pools/module.ts",
  proxies: "src/proxies/proxy-app.ts",
  rules: "src/policy/rule-index.ts",
  shields: "src/edge/address-shields.ts",
  stripe: "src/api/stripe/module.ts",
  tokens: "src/identity/token-issuer.ts",
  transform: "src/gateway/transform/transform.ts",
  usage: "src/gateway/metering.ts",
  webhooks: "durable-objects/webhook-desk/module.ts",
};

/** Lists the source files of all modules, relative to the repository. For the freshness of a bundle (bundle.ts). */
export const MODULES_METAFILE = join(ROOT, "dist", "modules-meta.json");

/** A module imports another one from beside it, on first use. */
const BESIDE: Plugin = {
  name: "beside",
  setup(resolver) {
    resolver.onResolve({ filter: /\/modules\/[a-z]+\.mjs$/ }, ({ path }) => ({
      path: `./${basename(path)}`,
      external: true,
    }));
  },
};

/** What jsPDF imports to draw HTML, SVG and PNG. Invoices have only text, so these do not belong in a Worker. */
const UNUSED = Object.fromEntries(
  ["canvg", "dompurify", "fast-png", "html2canvas"].map((name) => [
    name,
    join(ROOT, "src", "documents", "unused-import.ts"),
  ]),
);

/** @throws with the compiler's output if a module does not build. */
export async function buildModules(): Promise<void> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: MODULES,
    outdir: join(ROOT, "src", "modules"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    // As wrangler bundles.
    conditions: ["workerd", "worker", "browser"],
    define: { "navigator.userAgent": '"Cloudflare-Workers"' },
    external: ["cloudflare:*"],
    alias: UNUSED,
    plugins: [BESIDE],
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  await writeChanged(MODULES_METAFILE, Buffer.from(JSON.stringify(metafile)));
  await Promise.all(outputFiles.map(({ path, contents }) => writeChanged(path, contents)));
}
