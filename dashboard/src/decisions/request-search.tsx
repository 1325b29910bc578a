/** Opens a decision's page by the request id of its response (the header X-Request-Id). */
import { fieldOf } from "../shell/field-of.ts";
import { Icon } from "../kit/icon.tsx";
import { usePage } from "../shell/page.tsx";
import { requestIdOf } from "./log-query.ts";

export function RequestSearch() {
  const { go } = usePage();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const id = requestIdOf(fieldOf(new FormData(event.currentTarget), "id"));
    if (id !== "") go({ screen: "decision", params: { id } });
  };
  return (
    <form class="request-search" role="search" aria-label="Request id" onSubmit={submit}>
      <input
        name="id"
        type="search"
        aria-label="Request id"
        placeholder="Request id (X-Request-Id)"
        autocomplete="off"
        spellcheck={false}
        maxLength={200}
        required
      />
      <button>
        <Icon name="search" /> Find
      </button>
    </form>
  );
}
