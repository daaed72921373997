/** Stand-in for the official Pulumi kubernetes plugin, for machines where that one cannot be had. */
import { run } from "../plugin/run.ts";
import { Plugin } from "./server.ts";

await run((log) => new Plugin(log));
