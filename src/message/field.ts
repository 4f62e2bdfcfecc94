// Fields of an event as they are written on a command line: k=v is text, n:=3 is JSON, a.b=c nests. Pure.
import { parseJson } from "./json.ts";

export interface Field {
  /** As written, to name it in errors. */
  readonly text: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** `k=v`, `n:=3`, `a.b=c`; a dot that is meant is written `\.`. */
export function parseField(text: string): Field {
  const at = text.indexOf("=");
  if (at < 0) throw new Error(`"${text}" has no "=": write name=value, or name:=3 for a number`);
  const typed = text[at - 1] === ":";
  const name = text.slice(0, typed ? at - 1 : at);
  const path = name.split(/(?<!\\)\./).map((part) => part.replaceAll("\\.", "."));
  if (path.includes("")) throw new Error(`"${text}" has an empty name before "="`);
  const value = typed ? parseTyped(text, text.slice(at + 1)) : text.slice(at + 1);
  return { text: `${name}=`, path, value };
}

function parseTyped(text: string, json: string): unknown {
  try {
    return parseJson(json);
  } catch (error) {
    throw new Error(`"${text}": after ":=" comes JSON, such as 3, true or "text"; use "=" for text`, {
      cause: error,
    });
  }
}

/** What nests, without a prototype where fields are planted: one may be called `__proto__` or `constructor`. */
export type Tree = Record<string, unknown>;
export const emptyTree = (): Tree => Object.create(null) as Tree;

/** The same tree where it has no prototype, else a copy without one. */
const bare = (tree: Tree): Tree =>
  Object.getPrototypeOf(tree) === null ? tree : Object.assign(emptyTree(), tree);

/**
 * Puts fields together, over what `onto` has; throws an Error that names both where one would hide the other (`a` and
 * `a.b`).
 */
export function plantFields(fields: readonly Field[], onto: Tree = emptyTree()): Tree {
  if (fields.length === 0) return onto;
  const tree = bare(onto);
  const owners = new Map<Tree, Map<string, Field>>();
  const owner = (branch: Tree, key: string) => owners.get(branch)?.get(key);
  for (const field of fields) {
    let branch = tree;
    for (const [depth, key] of field.path.entries()) {
      const other = owner(branch, key);
      const last = depth === field.path.length - 1;
      const there = branch[key];
      const planted = there !== undefined && other !== undefined;
      if (planted && (last || other.path.length === depth + 1)) {
        const what = other.text === field.text ? "is given twice" : `and ${field.text} cannot both be set`;
        throw new Error(`${other.text} ${what}`);
      }
      if (!owners.has(branch)) owners.set(branch, new Map());
      owners.get(branch)!.set(key, field);
      if (!last && there !== undefined && !isTree(there)) {
        throw new Error(`${field.text} needs an object where there is ${JSON.stringify(there).slice(0, 40)}`);
      }
      if (last) branch[key] = field.value;
      else {
        const next = isTree(there) ? bare(there) : emptyTree();
        branch[key] = next;
        branch = next;
      }
    }
  }
  return tree;
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
