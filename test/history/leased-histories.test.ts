/** The random histories of tiers that lend to isolates. In a file of their own, so that both halves run side by side. */
import { testHistories } from "./random-histories.ts";

testHistories("leased");
