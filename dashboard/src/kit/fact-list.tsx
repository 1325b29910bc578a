/** Named facts, one below the other. */
import type { ComponentChildren } from "preact";
import "./fact-list.css";

export type Facts = readonly (readonly [name: string, value: ComponentChildren])[];

export function FactList({ facts }: { readonly facts: Facts }) {
  return (
    <dl class="fact-list">
      {facts.map(([name, value], i) => (
        <div key={i}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
