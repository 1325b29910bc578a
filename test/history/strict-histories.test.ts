/** The random histories of tiers that ask the object for every decision. In a file of their own, so that both halves run side by side. */
import { testHistories } from "./random-histories.ts";

testHistories("strict");
