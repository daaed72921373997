import type { Rules } from "../extras.ts";
import { schema } from "./native.ts";

/** All of the keys in native.ts. */
export const EXTRAS: Rules = { title: "NanoClaw", schema, owned: [], tables: true, entries: false };
