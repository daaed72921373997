#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** `docker` in the claw's PATH: Docker's client, called as `rewrite` says. Exit code 125, as the client's own, when it cannot be. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { rewrite } from "./rewrite.ts";
import { client, type Self, selfFile } from "./self.ts";

try {
  const self: Self = JSON.parse(readFileSync(selfFile(), "utf8"));
  const args = rewrite(process.argv.slice(2), self);
  if (process.execve === undefined) throw new Error("this Node cannot become another program");
  process.execve(client(), [client(), ...args], process.env);
} catch (error) {
  console.error(`docker: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 125;
}
