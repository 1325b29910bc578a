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
}

export type StepResult =
  | { readonly kind: "done"; readonly detail: string }
  | { readonly kind: "skipped"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly next: string };

export interface Step {
  readonly title: string;
  /** `say` prints a line of progress. */
  run(deployment: Deployment, say: (line: string) => void): Promise<StepResult>;
}

export const done = (detail: string): StepResult => ({ kind: "done", detail });
export const skip = (reason: string): StepResult => ({ kind: "skipped", reason });
export const failed = (reason: string, next: string): StepResult => ({ kind: "failed", reason, next });
