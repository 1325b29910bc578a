/** The steps of a deployment, in order. The first failure ends it. */
import { build, check, examineCheckout } from "./prepare.ts";
import type { Step } from "./step.ts";
import { upload } from "./upload.ts";
import { verifyDenial } from "./verify-denial.ts";
import { verifyHealth } from "./verify-health.ts";

/** Before anything is uploaded. */
export const PREPARATION: readonly Step[] = [
  { title: "Doctor's checks", run: examineCheckout },
  { title: "npm run check", run: check },
  { title: "Build", run: build },
];

export const STEPS: readonly Step[] = [
  ...PREPARATION,
  { title: "wrangler deploy", run: upload },
  { title: "Verify health", run: verifyHealth },
  { title: "Verify a real 429", run: verifyDenial },
];
