/** The command palette (Ctrl-K or Cmd-K): finds screens, users who exist, and the decision of a pasted request id. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../kit/icon.tsx";
import { usePage } from "./page.tsx";
import { type Command, type PaletteItem, paletteItems, requestIdIn } from "./palette-items.ts";
import "./palette.css";
import { type FoundUser, searchUsers } from "./search-users.ts";

interface Props {
  readonly commands: readonly Command[];
  readonly onClose: () => void;
}

/** A pasted line of a log can be long; only the request id in it counts. */
const MAX_LENGTH = 2_000;
/** More would push each other out of sight. */
const MAX_USERS = 8;
/** After the last key. */
const DEBOUNCE_MS = 150;

export function CommandPalette({ commands, onClose }: Props) {
  const { go } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const { users, note } = useUsers(text);
  useEffect(() => dialog.current?.showModal(), []);
  const items = paletteItems(text, commands, users);
  const current = Math.min(chosen, items.length - 1);
  useEffect(() => {
    dialog.current?.querySelector(`#palette-${current}`)?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const run = (item: PaletteItem | undefined) => {
    if (!item) return;
    dialog.current?.close();
    if (typeof item.action === "function") item.action();
    else go(item.action);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && items.length > 0) {
      event.preventDefault();
      setChosen((current + step + items.length) % items.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(items[current]);
    }
  };
  return (
    <dialog ref={dialog} class="palette" onClose={onClose} aria-label="Search or go to">
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={items.length > 0 ? `palette-${current}` : undefined}
        aria-label="A screen, a user or a request id"
        placeholder="Screen, user or request id"
        autocomplete="off"
        spellcheck={false}
        autofocus
        maxLength={MAX_LENGTH}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul role="listbox" id="palette-list" aria-label="Matches">
        {items.map((item, i) => (
          <li
            key={item.key}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === current}
            onClick={() => run(item)}
          >
            {item.icon && <Icon name={item.icon} />}
            {item.title}
            {item.detail !== "" && <span class="caption">{item.detail}</span>}
          </li>
        ))}
      </ul>
      <p class="palette-note caption" role="status">
        {items.length === 0 && note === "" ? "No screen or user matches." : note}
      </p>
    </dialog>
  );
}

/** Users who match the text, once the viewer pauses. Late answers to earlier texts are dropped. */
function useUsers(typed: string): { readonly users: readonly FoundUser[]; readonly note: string } {
  const text = requestIdIn(typed) === null ? typed.trim() : "";
  const [found, setFound] = useState<{ text: string; users: readonly FoundUser[] | null }>({
    text: "",
    users: [],
  });
  useEffect(() => {
    if (text === "") return;
    let isCurrent = true;
    const search = async () => {
      const users = await searchUsers(text, MAX_USERS);
      if (isCurrent) setFound({ text, users });
    };
    const timer = window.setTimeout(() => void search(), DEBOUNCE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [text]);
  if (text === "") return { users: [], note: "" };
  if (found.users === null && found.text === text) {
    return { users: [], note: "Users cannot be searched now: the Worker does not answer." };
  }
  // Until the answer is there, keep those of the text before that still match.
  const kept = (found.users ?? []).filter(({ id, name }) =>
    `${id}\n${name}`.toLowerCase().includes(text.toLowerCase()),
  );
  if (found.text !== text) return { users: kept, note: "Searching users…" };
  const isFull = kept.length >= MAX_USERS;
  return { users: kept, note: isFull ? `The first ${MAX_USERS} users: type more to find others.` : "" };
}
