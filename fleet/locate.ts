import { createRequire } from "node:module";
import type { AST } from "toml-eslint-parser";
import type { Path } from "./types.ts";

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Paths below this depth are found at their nearest ancestor: keeps the index linear in the file's size. */
const DEPTH = 24;

/**
 * Answers where paths stand in a TOML text that parses: the start of the key, of the table's header, or of the list's item. A path
 * that is not there is found at its nearest ancestor. The parser is loaded on the first question only: a file without mistakes does
 * not pay for it.
 */
export function locator(text: string): (path: Path) => Position {
  let index: Map<string, Position> | undefined;
  return (path) => {
    index ??= indexOf(text);
    for (let length = Math.min(path.length, DEPTH); length > 0; length--) {
      const found = index.get(JSON.stringify(path.slice(0, length)));
      if (found) return found;
    }
    return { line: 1, column: 1 };
  };
}

/** Line and column of an offset, as TOML counts lines (LF or CRLF). */
export function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/**
 * The file's tables and key-values. Empty if this second parser fails on what the first one took (it overflows the stack on strings of some
 * 100,000 characters): the problems are then reported at the file's beginning rather than not at all.
 */
function tree(text: string): AST.TOMLTopLevelTable["body"] {
  const { parseTOML }: typeof import("toml-eslint-parser") = createRequire(import.meta.url)("toml-eslint-parser");
  try {
    return parseTOML(text).body[0].body;
  } catch {
    return [];
  }
}

function indexOf(text: string): Map<string, Position> {
  const index = new Map<string, Position>();
  const put = (path: Path, node: { loc: { start: Position } }) => {
    if (path.length > DEPTH) return;
    const { line, column } = node.loc.start;
    index.set(JSON.stringify(path), { line, column: column + 1 });
  };
  const putNew = (path: Path, node: { loc: { start: Position } }) => {
    if (path.length <= DEPTH && !index.has(JSON.stringify(path))) put(path, node);
  };
  const content = (node: AST.TOMLContentNode, path: Path) => {
    if (path.length > DEPTH) return;
    if (node.type === "TOMLInlineTable") for (const pair of node.body) keyValue(pair, path);
    if (node.type === "TOMLArray") {
      node.elements.forEach((element, i) => {
        put([...path, i], element);
        content(element, [...path, i]);
      });
    }
  };
  const keyValue = (pair: AST.TOMLKeyValue, base: Path) => {
    let path = base;
    for (const key of pair.key.keys.slice(0, DEPTH)) {
      path = [...path, key.type === "TOMLBare" ? key.name : key.value];
      putNew(path, key);
    }
    content(pair.value, path);
  };
  for (const node of tree(text)) {
    if (node.type === "TOMLKeyValue") {
      keyValue(node, []);
      continue;
    }
    for (let length = 1; length < Math.min(node.resolvedKey.length, DEPTH); length++) putNew(node.resolvedKey.slice(0, length), node);
    put(node.resolvedKey, node);
    for (const pair of node.body) keyValue(pair, node.resolvedKey);
  }
  return index;
}
