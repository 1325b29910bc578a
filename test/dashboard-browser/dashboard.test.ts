/**
 * The dashboard as an operator uses it: the started product, real traffic, a real browser. A change made in the page applies to the
 * next request. The checks of each screen are in its own file; they run in the order below.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { hasChromium } from "../../scripts/chromium.ts";
import { checkBilling } from "./billing.ts";
import { checkDecisions, checkShadow } from "./decisions.ts";
import { checkDemo } from "./demo.ts";
import { checkFailures, checkKeyboard, checkSignIn } from "./frame.ts";
import { checkLive } from "./live.ts";
import { checkNoData } from "./no-data.ts";
import { checkOverview } from "./overview.ts";
import { checkOrphans, checkPolicy } from "./policy.ts";
import { Stage } from "./stage.ts";
import { checkSystem } from "./system.ts";
import { checkRecreatedUser, checkUserActions, checkUserList, LONG_ID } from "./user.ts";
import { checkWebhooks } from "./webhooks.ts";

const HAS_CHROMIUM = await hasChromium();
if (!HAS_CHROMIUM)
  process.stderr.write(
    "Chromium not found: skipping the browser tests of the dashboard (CHROMIUM=<path> names another)\n",
  );

describe.skipIf(!HAS_CHROMIUM)("the dashboard in a browser", () => {
  const stage = new Stage();
  beforeAll(() => stage.start());
  afterAll(() => stage.stop());

  checkSignIn(stage);
  checkNoData(stage);
  checkDemo(stage);
  checkOverview(stage);
  checkUserActions(stage);
  checkUserList(stage);
  checkPolicy(stage);

  /** Screens with real traffic: address, heading, and a text that shows that the data is there. */
  it.each([
    ["overview", "Overview", "Denials by limit"],
    ["live", "Live", "Connected"],
    ["decisions?outcome=denied&rows=20", "Decisions", "minute"],
    ["user", "Users", "ann"],
    ["user?id=ann", /ann/, "Latest decisions"],
    [`user?id=${LONG_ID}`, /long-/, "tokens left until"],
    ["policy", /revision 4 is in force/, "too tight"],
    ["simulator", "Simulator", "Newly denied"],
    ["system", "System", "Rows written"],
  ])(
    "%s shows real traffic without axe violations, in light and dark, and at 400 px",
    (screen, heading, text) => stage.expectFlawless(screen, heading, text),
  );

  checkDecisions(stage);
  checkSystem(stage);
  checkOrphans(stage);
  checkRecreatedUser(stage);
  checkLive(stage);
  checkShadow(stage);
  checkBilling(stage);
  checkWebhooks(stage);
  checkKeyboard(stage);
  checkFailures(stage);
});
