/** What an export writes to. Cells never change and have a key, so storing them again changes nothing: at least once is exactly once. */
import type { Page } from "./source.ts";

/** Which export it is: each has its own progress. */
export interface Job {
  /** `all`, or a range's name. */
  readonly name: string;
  /** The product's origin: progress at one means nothing at another. */
  readonly product: string;
  /** Forget earlier progress. */
  readonly isRestart: boolean;
}

export interface Destination {
  /** For messages: without secrets. */
  readonly name: string;
  /** Where the progress is kept, for messages. */
  readonly progressAt: string;
  /**
   * Connects, creates what is missing, and reads the progress of the job. Creates nothing in a dry run.
   * @returns the cursor at which to resume; null: at the beginning.
   * @throws Failure
   */
  open(job: Job, isDryRun: boolean): Promise<string | null>;
  /**
   * Stores a page and with it, or after it, the cursor of its end. May be repeated with the same page.
   * @throws Failure
   */
  write(page: Page): Promise<void>;
  close(): Promise<void>;
}
