/**
 * A conversation with the claw's agent: in by NanoClaw's CLI channel (`data/cli.sock`, a line of JSON each), out from the session's databases, where NanoClaw
 * keeps what was said whether somebody was listening or not.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

/** NanoClaw's folder for the claw's agent group, under groups/. */
export const FOLDER = "main";

export interface Reply {
  /** Grows by time within the conversation. */
  readonly id: number;
  /** UTC, as NanoClaw wrote it. */
  readonly time: string;
  readonly text: string;
}

/** The address of the CLI channel; a message sent to it this way leaves whoever else talks there undisturbed. */
const ADDRESS = { channelType: "cli", platformId: "local", threadId: null };

const SESSION = `select s.agent_group_id, s.id from sessions s
  join agent_groups a on a.id = s.agent_group_id join messaging_groups m on m.id = s.messaging_group_id
  where a.folder = ? and m.channel_type = 'cli' and m.platform_id = 'local' and s.status = 'active' order by s.created_at desc limit 1`;

const REPLIES = `select seq, timestamp, content from messages_out
  where channel_type = 'cli' and platform_id = 'local' and seq > ? order by seq limit ?`;

/** A message that NanoClaw dropped: it does so with commands that are for Claude Code's terminal. */
export class NotTaken extends Error {}

/** The conversation of the NanoClaw in `home`. */
export class Chat {
  readonly #data: string;

  constructor(home: string) {
    this.#data = join(home, "data");
  }

  /**
   * Hands a message to the agent.
   *
   * @returns id of the last reply before it
   * @throws NotTaken when NanoClaw has it neither in hand nor answered within `timeoutSeconds`.
   */
  async send(text: string, timeoutSeconds = 5): Promise<number> {
    const [last, taken] = [this.#last(), this.#taken()];
    const deadline = performance.now() + timeoutSeconds * 1000;
    const connection = createConnection(join(this.#data, "cli.sock"));
    try {
      await once(connection, "connect");
      connection.write(`${JSON.stringify({ text, to: ADDRESS, sender: "api" })}\n`);
      while (this.#taken() === taken) {
        if (performance.now() > deadline) throw new NotTaken(`NanoClaw did not take the message within ${timeoutSeconds} s`);
        await sleep(25);
      }
      return last;
    } finally {
      connection.destroy();
    }
  }

  /** What the agent said after the reply `after`, oldest first; waits for the first such up to `waitSeconds`. */
  async replies(after: number, waitSeconds = 0, signal?: AbortSignal): Promise<Reply[]> {
    const deadline = performance.now() + waitSeconds * 1000;
    for (;;) {
      const found = this.#replies(after);
      if (found.length > 0 || performance.now() >= deadline || signal?.aborted) return found;
      await sleep(200);
    }
  }

  #replies(after: number): Reply[] {
    return this.#read("outbound.db", REPLIES, after, 100).flatMap(({ seq, timestamp, content }) => {
      const { text }: { text?: unknown } = JSON.parse(String(content));
      return typeof text === "string" ? [{ id: Number(seq), time: String(timestamp), text }] : [];
    });
  }

  #last(): number {
    return Number(this.#read("outbound.db", "select coalesce(max(seq), 0) as last from messages_out")[0]?.last ?? 0);
  }

  /** Grows by what comes in, and by what NanoClaw answers by itself. */
  #taken(): number {
    return Number(this.#read("inbound.db", "select count(*) as taken from messages_in")[0]?.taken ?? 0) + this.#last();
  }

  /** Rows of one of the session's databases; none before the first message. */
  #read(file: string, sql: string, ...values: number[]) {
    const session = query(join(this.#data, "v2.db"), SESSION, FOLDER)[0];
    if (session === undefined) return [];
    const path = join(this.#data, "v2-sessions", String(session.agent_group_id), String(session.id), file);
    if (!existsSync(path)) return [];
    try {
      return query(path, sql, ...values);
    } catch (error) {
      // NanoClaw makes the file first, and its tables then.
      if (error instanceof Error && error.message.startsWith("no such table")) return [];
      throw error;
    }
  }
}

/** Opened and closed each time: only so is seen what a container writes to the file. */
export function query(path: string, sql: string, ...values: (string | number)[]) {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 2000 });
  try {
    return database.prepare(sql).all(...values);
  } finally {
    database.close();
  }
}
