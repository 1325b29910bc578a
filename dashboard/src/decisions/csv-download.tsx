/** Downloads the decisions that the filters select as one CSV file, page by page: an answer of the API holds at most 1,000. */
import { useState } from "preact/hooks";
import { Icon } from "../kit/icon.tsx";
import { call } from "../shell/api-client.ts";
import { exact } from "../shell/format.ts";
import { pathAt } from "../shell/moving-path.ts";
import { usePage } from "../shell/page.tsx";
import { collectCsv, type CsvPage, MAX_CSV_PAGES } from "./csv-pages.ts";
import { CSV_ROWS } from "./log-query.ts";

const parseText = (body: unknown): string | null => (typeof body === "string" ? body : null);

export function CsvDownload({ path }: { readonly path: string }) {
  const { signedOut } = usePage();
  const [state, setState] = useState("");
  const load = async (page: string): Promise<CsvPage> => {
    const answer = await call("GET", page, parseText);
    if (answer.kind === "ok") return { text: answer.value, link: answer.headers.get("Link") };
    if (answer.kind === "signed-out") signedOut();
    throw new Error(answer.kind === "failed" ? answer.detail : "The session has ended.");
  };
  const download = async () => {
    setState("Loading…");
    try {
      const { text, isComplete } = await collectCsv(pathAt(path, Date.now()), load, (pages) =>
        setState(`${exact(pages * CSV_ROWS)} lines…`),
      );
      save(text);
      setState(
        isComplete ? "" : `The newest ${exact(MAX_CSV_PAGES * CSV_ROWS)}: narrow the range for the rest.`,
      );
    } catch (thrown) {
      setState(thrown instanceof Error ? thrown.message : "The download failed.");
    }
  };
  return (
    <>
      <span class="caption" role="status">
        {state}
      </span>
      <button type="button" class="plain" disabled={state.endsWith("…")} onClick={() => void download()}>
        <Icon name="download" /> CSV
      </button>
    </>
  );
}

function save(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `decisions-${new Date().toISOString().slice(0, 16).replaceAll(":", "")}Z.csv`;
  link.click();
  URL.revokeObjectURL(url);
}
