/** The vocabulary of a deployment: its options, what it has found out so far, and what a step may come to. */

export interface DeployOptions {
  readonly root: string;
  /** Build and check, upload nothing. */
  readonly isDryRun: boolean;
  /** A product that runs already and is to be verified; nothing is uploaded. */
  readonly url: URL | null;
  readonly skipChecks: boolean;
  /** Secrets to upload along, for a first deployment. */
  readonly secretsFile: string | null;
  /** Replace what was changed on Cloudflare's side since the last deployment. */
  readonly overwrite: boolean;
  /** How long the product may take until it is healthy. */
  readonly waitMs: number;
}

/** Grows as steps run. */
export interface Deployment {
  readonly options: DeployOptions;
  /** Where the product answers; null until that is known. */
  url: URL | null;
  /** Cloudflare's id of the version that was uploaded. */
  versionId: string | null;
  /** The version that ran before it; null where there was none. */
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
