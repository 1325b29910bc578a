/** What a screen or a section shows while it has no data: nothing there, loading, or failed. Each says what to do next. */
import type { ComponentChildren } from "preact";
import { Icon } from "./icon.tsx";
import "./state.css";

interface EmptyProps {
  /** What there is none of, as a sentence without a full stop. */
  readonly title: string;
  /** Why, and what to do. */
  readonly hint?: ComponentChildren;
  /** A link or a button. */
  readonly action?: ComponentChildren;
}

export function Empty({ title, hint, action }: EmptyProps) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      {hint !== undefined && <div class="quiet">{hint}</div>}
      {action !== undefined && <div class="state-action">{action}</div>}
    </div>
  );
}

/** Grey lines in the place of `rows` rows, so that the page does not jump when the data arrives. */
export function Loading({ rows = 3 }: { readonly rows?: number }) {
  return (
    <div class="loading" role="status">
      <span class="unseen">Loading…</span>
      {Array.from({ length: rows }, (_none, i) => (
        <span key={i} class="bone" />
      ))}
    </div>
  );
}

interface FailedProps {
  /** What went wrong, and what happens next. */
  readonly children: ComponentChildren;
  readonly onRetry?: () => void;
  readonly verb?: string;
}

export function Failed({ children, onRetry, verb = "Retry now" }: FailedProps) {
  return (
    <div role="alert" class="failed" data-tone="error">
      <Icon name="warning" />
      <div>{children}</div>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {verb}
        </button>
      )}
    </div>
  );
}

/** In the place of what is loaded on first use, when its code could not be loaded. */
export function CodeFailed({ of }: { readonly of: string }) {
  return (
    <Failed onRetry={() => location.reload()} verb="Reload the page">
      The code of {of} could not be loaded. Check that you are online. After a deployment, reload the page to
      get its new version.
    </Failed>
  );
}
