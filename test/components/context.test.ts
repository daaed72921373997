import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contextHash } from "../../components/context.ts";
import { goDuration } from "../../components/docker/duration.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "clawfleet-context-"));
  for (const folder of ["pico/sub", "entrypoint", "other"]) mkdirSync(join(dir, folder), { recursive: true });
  for (const file of ["pico/Dockerfile", "pico/config.json", "pico/sub/runtime.ts", "pico/.env", "entrypoint/main.go", "other/Dockerfile"])
    writeFileSync(join(dir, file), file);
  writeFileSync(join(dir, "pico/Dockerfile.dockerignore"), "*\n!pico/\n!entrypoint/\npico/**/*.ts\npico/.env\npico/Dockerfile*\n");
});
afterEach(() => rmSync(dir, { recursive: true }));

const hash = () => contextHash(dir, "pico/Dockerfile");
const write = (file: string, text: string) => writeFileSync(join(dir, file), text);

test("changes with what the image is made of: any file, new, renamed, and the Dockerfile and its ignore file themselves", () => {
  const seen = new Set([hash()]);
  const changes = [
    () => write("pico/config.json", "other"),
    () => write("entrypoint/main.go", "other"),
    () => write("pico/new", ""),
    () => symlinkSync("config.json", join(dir, "pico/link")),
    () => write("pico/Dockerfile", "FROM other"),
    () => write("pico/Dockerfile.dockerignore", "*\n!pico/\n!entrypoint/\n"),
  ];
  for (const change of changes) {
    change();
    seen.add(hash());
  }
  expect(seen.size).toBe(changes.length + 1);
});

test("does not change with other runtimes, ignored files, modes or the order of writing", () => {
  const before = hash();
  write("other/Dockerfile", "other");
  write("pico/sub/runtime.ts", "other");
  write("pico/.env", "SECRET=1");
  write("top-level", "other");
  chmodSync(join(dir, "pico/config.json"), 0o700);
  rmSync(join(dir, "pico/config.json"));
  write("pico/config.json", "pico/config.json");
  expect(hash()).toBe(before);
});

test("durations are written as the daemon gives them back", () => {
  expect([0, 5, 59, 60, 61, 180, 3600, 3661].map(goDuration)).toEqual(["0s", "5s", "59s", "1m0s", "1m1s", "3m0s", "1h0m0s", "1h1m1s"]);
});
