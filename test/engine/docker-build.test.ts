import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findContext, listContext, packContext } from "../../engine/docker/build-context.ts";
import { Progress } from "../../engine/docker/progress.ts";
import { hider, redactor, secretPieces } from "../../engine/docker/redact.ts";
import { bytesField, fieldsOf, textField, textOf } from "../../engine/docker/wire.ts";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "clawfleet-context-"));
  for (const directory of ["one", "entrypoint/build", "other/deep"]) mkdirSync(join(root, directory), { recursive: true });
  for (const file of [
    "one/Dockerfile",
    "one/config.json",
    "entrypoint/main.go",
    "entrypoint/build/with-env",
    "other/deep/big",
    "README.md",
  ])
    writeFileSync(join(root, file), file);
  symlinkSync("main.go", join(root, "entrypoint/link"));
});
afterAll(() => rmSync(root, { recursive: true }));

describe("build context", () => {
  test("is the whole directory without an ignore file", async () => {
    const paths = await listContext(await findContext(root, "one/Dockerfile"));
    expect(paths).toContain("other/deep/big");
    expect(paths).toContain("entrypoint/link");
  });

  test("is what the Dockerfile's own ignore file leaves, exceptions and parents included", async () => {
    writeFileSync(join(root, ".dockerignore"), "entrypoint\n");
    writeFileSync(join(root, "one/Dockerfile.dockerignore"), "# all but two\n*\n!one\n!entrypoint/build\n");
    const paths = await listContext(await findContext(root, "one/Dockerfile"));
    expect(paths.filter((path) => !path.startsWith("one/"))).toEqual([
      "entrypoint",
      "entrypoint/build",
      "entrypoint/build/with-env",
      "one",
    ]);
    rmSync(join(root, "one/Dockerfile.dockerignore"));
    expect(await listContext(await findContext(root, "one/Dockerfile"))).not.toContain("entrypoint/main.go");
    rmSync(join(root, ".dockerignore"));
  });

  test("always has its Dockerfile", async () => {
    writeFileSync(join(root, ".dockerignore"), "*\n");
    expect(await listContext(await findContext(root, "one/Dockerfile"))).toEqual(["one", "one/Dockerfile"]);
    rmSync(join(root, ".dockerignore"));
  });

  test("travels as a tar with modes, links and contents, owned by root", async () => {
    const found = new Map<string, { type: string; uid: number; text: string; link: string }>();
    const reader = extract();
    reader.on("entry", (header, stream, next) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        found.set(header.name, {
          type: header.type ?? "",
          uid: header.uid ?? -1,
          text: Buffer.concat(chunks).toString(),
          link: header.linkname ?? "",
        });
        next();
      });
      stream.resume();
    });
    packContext(await findContext(root, "one/Dockerfile")).pipe(reader);
    await new Promise((resolve) => reader.on("finish", resolve));
    expect(found.get("one/config.json")).toMatchObject({ type: "file", uid: 0, text: "one/config.json" });
    expect(found.get("entrypoint/link")).toMatchObject({ type: "symlink", link: "main.go" });
  });

  test.each([
    ["missing", "Dockerfile", /build context '.*missing' is not a directory/],
    ["", "one/None", /Dockerfile 'one\/None' does not exist in the build context/],
    ["one", "../README.md", /outside the build context/],
  ])("error: %s %s", async (directory, dockerfile, message) => {
    await expect(findContext(join(root, directory), dockerfile)).rejects.toThrow(message);
  });
});

describe("wire format", () => {
  test("round trip, also of more than 127 bytes", () => {
    const long = "x".repeat(300);
    const message = Buffer.concat([textField(1, "a"), bytesField(2, Buffer.from(long))]);
    expect(textOf(message, 1)).toBe("a");
    expect(textOf(message, 2)).toBe(long);
    expect(textOf(message, 3)).toBe("");
  });

  test("a cut message is an error, not garbage", () => {
    expect(() => [...fieldsOf(textField(1, "abc").subarray(0, 3))]).toThrow("truncated message");
  });
});

describe("progress", () => {
  const vertex = (digest: string, name: string, more: Buffer[] = []): Buffer =>
    bytesField(1, Buffer.concat([textField(1, digest), textField(3, name), ...more]));
  const started = bytesField(5, Buffer.from([8, 1]));
  const log = (digest: string, text: string): Buffer => bytesField(3, Buffer.concat([textField(1, digest), textField(4, text)]));

  test("says each step once and each whole line, and hides secrets", () => {
    const said: string[] = [];
    const progress = new Progress((line) => said.push(line), hider(["hunter2"]));
    progress.message(vertex("a", "[1/2] RUN make", [started]));
    progress.message(vertex("a", "[1/2] RUN make", [started]));
    progress.message(log("a", "half "));
    progress.message(log("a", "line hunter2\n\u001b[31mred\u001b[0m\nrest"));
    expect(said).toEqual(["[1/2] RUN make", "half line <hidden>", "red"]);
    expect(progress.failure()).toBeUndefined();
  });

  test("a failure names the step and ends with its last lines", () => {
    const progress = new Progress(
      () => undefined,
      (line) => line,
    );
    progress.message(vertex("b", "[b 1/1] RUN other", [started, textField(7, "context canceled")]));
    progress.message(vertex("a", "[1/2] RUN make", [started]));
    for (let i = 0; i < 30; i++) progress.message(log("a", `line ${i}\n`));
    progress.message(log("a", "make: *** no rule"));
    progress.message(vertex("a", "[1/2] RUN make", [started, textField(7, "exit code: 2")]));
    const lines = (progress.failure() ?? "").split("\n");
    expect(lines[0]).toBe("step '[1/2] RUN make' failed: exit code: 2");
    expect(lines.at(-1)?.trim()).toBe("make: *** no rule");
    expect(lines).toHaveLength(22);
  });
});

describe("hiding", () => {
  test("build secrets: whole, by line and by value", () => {
    const hide = hider(secretPieces("export HTTPS_PROXY='http://user:pass@proxy:3128'\nexport A='b'\n"));
    expect(hide("using http://user:pass@proxy:3128 for b")).toBe("using <hidden> for b");
  });

  test("variables with secret names, not others", () => {
    const hide = redactor(["API_KEY=abcdef1", "HOME=/home/claw", "GATEWAY_TOKEN=x=y=long"]);
    expect(hide("abcdef1 /home/claw x=y=long")).toBe("<hidden> /home/claw <hidden>");
  });
});
