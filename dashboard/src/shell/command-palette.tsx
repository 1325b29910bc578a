/** The command palette (Ctrl-K or Cmd-K): runs a command by a few letters of its title, or opens a user by id. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "../kit/icon.tsx";
import "./palette.css";
import { usePage } from "./page.tsx";
import type { PageAddress } from "./page-address.ts";

export interface Command {
  readonly title: string;
  readonly icon?: IconName;
  readonly run: () => void;
}

interface Props {
  readonly commands: readonly Command[];
  readonly onClose: () => void;
}

/** As long as a user id can be. */
const MAX_USER_LENGTH = 200;

export function CommandPalette({ commands, onClose }: Props) {
  const { go } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  useEffect(() => dialog.current?.showModal(), []);
  const wanted = text.trim().toLowerCase();
  const user = text.trim();
  const toUser: PageAddress = { screen: "user", params: { id: user } };
  const matches: readonly Command[] = [
    ...commands.filter(({ title }) => title.toLowerCase().includes(wanted)),
    ...(user === "" ? [] : [{ title: `Open user ${user}`, run: () => go(toUser) }]),
  ];
  const current = Math.min(chosen, matches.length - 1);
  useEffect(() => {
    dialog.current?.querySelector(`#palette-${current}`)?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const run = (command: Command | undefined) => {
    if (!command) return;
    dialog.current?.close();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setChosen((current + step + matches.length) % matches.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(matches[current]);
    }
  };
  return (
    <dialog ref={dialog} class="palette" onClose={onClose} aria-label="Go to">
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${current}`}
        aria-label="Go to a screen or a user"
        placeholder="Screen or user id"
        autocomplete="off"
        autofocus
        maxLength={MAX_USER_LENGTH}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul role="listbox" id="palette-list" aria-label="Matches">
        {matches.map((command, i) => (
          <li
            key={command.title}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === current}
            onClick={() => run(command)}
          >
            {command.icon && <Icon name={command.icon} />}
            {command.title}
          </li>
        ))}
      </ul>
    </dialog>
  );
}
