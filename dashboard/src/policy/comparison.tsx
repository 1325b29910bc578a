/** What differs between two revisions: in words, with the accounts concerned, and line by line. */
import { useMemo } from "preact/hooks";
import { Section } from "../kit/section.tsx";
import type { PolicyUses } from "../shell/answers.ts";
import { ChangeList } from "./change-list.tsx";
import { DiffView } from "./editor/diff-view.tsx";
import { formatJson } from "./format-json.ts";
import type { Revision } from "./policy-api.ts";

interface Props {
  readonly before: Revision;
  readonly after: Revision;
  readonly uses: PolicyUses | null;
}

export function Comparison({ before, after, uses }: Props) {
  const [first, second] = useMemo(
    () => [formatJson(before.document), formatJson(after.document)],
    [before, after],
  );
  return (
    <Section title={`From revision ${before.revision} to revision ${after.revision}`}>
      <ChangeList before={before.document} after={after.document} uses={uses} />
      {first !== second && <DiffView before={first} after={second} label="Changed lines" />}
    </Section>
  );
}
