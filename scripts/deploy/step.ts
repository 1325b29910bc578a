/** The types of a deployment: its options, its state, its steps and their results. */

export interface DeployOptions {
  readonly root: string;
  /** Build and check, upload nothing. */
  readonly isDryRun: boolean;
  /** A running product to verify; nothing is uploaded. */
  readonly url: URL | null;
  readonly skipChecks: boolean;
  /** Secrets to upload with a first deployment. */
  readonly secretsFile: string | null;
  /** Overwrite changes made on Cloudflare's dashboard since the last deployment. */
  readonly overwrite: boolean;
  /** How long to wait for the product to become healthy. */
  readonly waitMs: number;
  /** Shares of the requests to give the new version one after the other, percent: increasing, the last is 100. Null: all at once. */
  readonly gradual: readonly number[] | null;
  /** The product's URL, if wrangler does not report it: of a gradual deployment. */
  readonly target: URL | null;
  /** How long each share but the last is watched before the next. */
  readonly soakMs: number;
}

/** Filled in as the steps run. */
export interface Deployment {
  readonly options: DeployOptions;
  /** URL of the product; null until it is known. */
  url: URL | null;
  /** Cloudflare's id of the uploaded version. */
  versionId: string | null;
  /** The version that ran before; null if there was none. */
  previousVersionId: string | null;
  /** Headers that requests to the product have: during a gradual deployment, they choose the new version. */
  headers: Readonly<Record<string, string>>;
  /** What each shift has set, the last one last; it begins with what ran before. Empty: deployed all at once, or not at all. */
  readonly shares: Shares[];
  /** Aborted by a signal. */
  readonly interrupted: AbortSignal;
}

/** Percent of the requests, by version. */
export type Shares = Readonly<Record<string, number>>;

export type StepResult =
  | { readonly kind: "done"; readonly detail: string }
  | { readonly kind: "skipped"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly next: string };

export interface Step {
  readonly title: string;
  /** Whether a signal must wait for its end: what it has asked of Cloudflare may still happen. */
  readonly isWhole?: boolean;
  /** `say` prints a line of progress. */
  run(deployment: Deployment, say: (line: string) => void): Promise<StepResult>;
}

export const done = (detail: string): StepResult => ({ kind: "done", detail });
export const skip = (reason: string): StepResult => ({ kind: "skipped", reason });
export const failed = (reason: string, next: string): StepResult => ({ kind: "failed", reason, next });
