/** Writes what is made from the schema: `node fleet/generate.ts` after a change to schema.ts, or when a runtime comes or goes. */
import { readFileSync, writeFileSync } from "node:fs";
import { runtimeNames } from "../runtimes/index.ts";
import { schemaFile, withSettings } from "./schema-json.ts";

const reference = new URL("../docs/fleet-file.md", import.meta.url);
writeFileSync(new URL("fleet.schema.json", import.meta.url), schemaFile(runtimeNames()));
writeFileSync(reference, withSettings(readFileSync(reference, "utf8")));
