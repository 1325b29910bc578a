/** Completion and hints by the policy's JSON schema. Pure: reads the editor's state only. */
import type { Completion, CompletionResult } from "@codemirror/autocomplete";
import { ensureSyntaxTree, syntaxTree } from "@codemirror/language";
import type { EditorState } from "@codemirror/state";
import { childPointer } from "./json-pointer.ts";
import { fieldOf, type JsonSchema, schemaAt, type SchemaNode } from "./json-schema.ts";

type Node = ReturnType<typeof syntaxTree>["topNode"];

/** For a whole policy, a few milliseconds are enough. */
const MAX_PARSE_MS = 500;

/** Of the whole text: the editor's own may end early on a busy machine, which parses for 20 ms at a time. */
function treeOf(state: EditorState): ReturnType<typeof syntaxTree> {
  return ensureSyntaxTree(state, state.doc.length, MAX_PARSE_MS) ?? syntaxTree(state);
}

/** Fields whose value is the name of one of the document's tiers. */
const TIER_FIELDS: ReadonlySet<string> = new Set(["anonymousTier", "defaultTier"]);

/** The fields or the values that may stand at `pos`; null if none may. @param explicit whether the person asked for them. */
export function completionsAt(
  schema: JsonSchema | null,
  state: EditorState,
  pos: number,
  explicit: boolean,
): CompletionResult | null {
  if (!schema) return null;
  const node = treeOf(state).resolveInner(pos, -1);
  const word = wordAt(state, pos);
  if (!explicit && word.from === pos) return null;
  const holder = holderOf(node);
  if (!holder) return null;
  const isValue = holder.name === "Property" && hasColonBefore(holder, pos);
  if (isValue) {
    const pointer = pointerOf(state, holder);
    const options = valuesOf(schema, state, pointer);
    return options.length > 0 ? { ...word, options, filter: true } : null;
  }
  const object = holder.name === "Property" ? holder.parent : holder;
  if (object?.name === "Array") {
    const options = valuesOf(schema, state, childPointer(pointerOf(state, object), 0));
    return options.length > 0 ? { ...word, options, filter: true } : null;
  }
  if (object?.name !== "Object") return null;
  const parent = schemaAt(schema, pointerOf(state, object), (pointer) => valueIn(state, pointer));
  if (!parent) return null;
  const taken = new Set(namesIn(state, object, pos));
  const options = Object.keys(parent.properties)
    .filter((name) => !taken.has(name))
    .map((name) => fieldCompletion(schema, parent, name, isFollowedByColon(state, word.to)));
  return options.length > 0 ? { ...word, options, filter: true } : null;
}

/** What the field at `pos` means; null if there is none, or the schema does not say. */
export function hintAt(
  schema: JsonSchema | null,
  state: EditorState,
  pos: number,
): { readonly from: number; readonly to: number; readonly name: string; readonly text: string } | null {
  if (!schema) return null;
  const node = treeOf(state).resolveInner(pos, 1);
  if (node.name !== "PropertyName" || !node.parent) return null;
  const found = schemaAt(schema, pointerOf(state, node.parent), (pointer) => valueIn(state, pointer));
  const text = found ? [found.description, allowed(found)].filter((part) => part !== "").join(" ") : "";
  return text === "" ? null : { from: node.from, to: node.to, name: nameOf(state, node), text };
}

function allowed({ values, type }: SchemaNode): string {
  if (values.length > 0) return `One of: ${values.join(", ")}.`;
  return type === "" || type === "object" || type === "array" ? "" : `A ${type}.`;
}

function fieldCompletion(
  schema: JsonSchema,
  parent: SchemaNode,
  name: string,
  hasColon: boolean,
): Completion {
  const field = fieldOf(schema, parent, name);
  const isRequired = parent.required.includes(name);
  return {
    label: `"${name}"`,
    apply: hasColon ? `"${name}"` : `"${name}": `,
    detail: isRequired ? "required" : field.type,
    boost: isRequired ? 1 : 0,
    ...(field.description === "" ? {} : { info: field.description }),
  };
}

function valuesOf(schema: JsonSchema, state: EditorState, pointer: string): Completion[] {
  const name = pointer.slice(1);
  if (TIER_FIELDS.has(name)) {
    const tiers = valueIn(state, "/tiers");
    return Object.keys(typeof tiers === "object" && tiers !== null ? tiers : {}).map((tier) => ({
      label: JSON.stringify(tier),
      detail: "tier",
    }));
  }
  const node = schemaAt(schema, pointer, (at) => valueIn(state, at));
  if (!node) return [];
  const values = node.type === "boolean" ? [true, false] : node.values;
  return values.map((value) => ({ label: JSON.stringify(value) }));
}

/** The word up to `pos`, with its opening quotation mark, and a closing one that follows. */
function wordAt(state: EditorState, pos: number): { readonly from: number; readonly to: number } {
  const { from, text } = state.doc.lineAt(pos);
  const typed = /"?[\w-]*$/.exec(text.slice(0, pos - from))?.[0] ?? "";
  const rest = /^[\w-]*"?/.exec(text.slice(pos - from))?.[0] ?? "";
  return { from: pos - typed.length, to: typed.startsWith('"') ? pos + rest.length : pos };
}

function isFollowedByColon(state: EditorState, pos: number): boolean {
  return /^\s*:/.test(state.doc.sliceString(pos, pos + 100));
}

function holderOf(node: Node): Node | null {
  let at: Node | null = node;
  while (at && !["Property", "Object", "Array"].includes(at.name)) at = at.parent;
  return at;
}

function hasColonBefore(property: Node, pos: number): boolean {
  const colon = property.getChild(":");
  return colon !== null && colon.to <= pos;
}

/** The pointer of an object or a list, or of a property's value. */
function pointerOf(state: EditorState, node: Node): string {
  const keys: (string | number)[] = [];
  for (let at: Node = node; at.parent; at = at.parent) {
    const name = at.name === "Property" ? at.firstChild : null;
    if (name) keys.unshift(nameOf(state, name));
    else if (at.parent.name === "Array") keys.unshift(indexOf(at));
  }
  return keys.reduce<string>(childPointer, "");
}

function indexOf(item: Node): number {
  let index = 0;
  for (let at = item.prevSibling; at; at = at.prevSibling) {
    if (!["[", ","].includes(at.name) && !at.type.isError) index += 1;
  }
  return index;
}

function nameOf(state: EditorState, name: Node): string {
  return state.sliceDoc(name.from, name.to).replaceAll('"', "");
}

/**
 * The names of an object's fields, other than the one at `pos`: texts with a colon behind them. While a field is typed, the parser may
 * take the name of the next one for its value.
 */
function namesIn(state: EditorState, object: Node, pos: number): string[] {
  const names: string[] = [];
  object.cursor().iterate((node) => {
    if (node.from !== object.from && ["Object", "Array"].includes(node.name)) return false;
    const isText = /^"[^"\n]*"$/.test(state.sliceDoc(node.from, node.to));
    if (isText && (pos < node.from || pos > node.to) && isFollowedByColon(state, node.to)) {
      names.push(nameOf(state, node.node));
    }
    return true;
  });
  return names;
}

/** The value at a pointer, as far as the text can be read while it is typed: objects, and texts. */
function valueIn(state: EditorState, pointer: string): unknown {
  let found: unknown;
  const search = (node: Node, path: string): void => {
    if (path === pointer) found = plainValue(state, node);
    if (!pointer.startsWith(path)) return;
    let index = 0;
    for (let child = node.firstChild; child; child = child.nextSibling) {
      const value = child.name === "Property" ? child.lastChild : child;
      const name = child.name === "Property" ? child.firstChild : null;
      if (child.name === "Property" && name && value) search(value, childPointer(path, nameOf(state, name)));
      else if (node.name === "Array" && !["[", ",", "]"].includes(child.name))
        search(child, childPointer(path, index++));
    }
  };
  const root = treeOf(state).topNode.firstChild;
  if (root) search(root, "");
  return found;
}

/** The fields of an object with their texts. */
function plainValue(state: EditorState, node: Node): unknown {
  if (node.name === "String") return nameOf(state, node);
  if (node.name !== "Object") return undefined;
  return Object.fromEntries(
    node.getChildren("Property").map((property) => {
      const [name, value] = [property.firstChild, property.lastChild];
      return [name ? nameOf(state, name) : "", value?.name === "String" ? nameOf(state, value) : null];
    }),
  );
}
