import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../cli/root.ts";

/** A copy of this repository as it stands, for tests of what writes into it. It shares the installed packages. */
export class Checkout {
  readonly dir = mkdtempSync(join(tmpdir(), "clawfleet-checkout-"));

  constructor() {
    const listed = this.#git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard");
    for (const path of listed.split("\0")) {
      if (path !== "" && existsSync(join(root, path))) cpSync(join(root, path), join(this.dir, path));
    }
    symlinkSync(join(root, "node_modules"), join(this.dir, "node_modules"));
    this.#git(this.dir, "init", "--quiet");
    this.#git(this.dir, "add", "--all", "--", ":!node_modules");
  }

  #git(cwd: string, ...args: string[]): string {
    return execFileSync("git", args, { cwd, encoding: "utf8" });
  }

  /** Paths that are not as they were at first, sorted: new, changed or gone. */
  changed(): string[] {
    const lines = this.#git(this.dir, "status", "--porcelain=v1", "-z", "--untracked-files=all").split("\0");
    const differ = lines.filter((line) => line !== "" && line[1] !== " ").map((line) => line.slice(3));
    return differ.filter((path) => path !== "node_modules").sort();
  }

  /** Runs a program of its own with Node, from its root. */
  node(...args: string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: this.dir,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    return { code: status, stdout, stderr };
  }

  clawfleet(...args: string[]) {
    return this.node("cli/main.ts", ...args);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
