/** One connection to PostgreSQL that stands for something while it is open: a lock that is held, a channel that is listened to. */
import { Socket } from "node:net";
import { Client, type ClientConfig } from "pg";

export interface Connection {
  readonly client: Client;
  /** Aborted once nothing more comes over it. */
  readonly broken: AbortSignal;
  /** Never takes long, whatever has become of the other end. */
  end(): Promise<void>;
}

/**
 * @param name under which it stands in `pg_stat_activity`
 * @param patience milliseconds, to connect and for each answer
 */
export async function openConnection(database: ClientConfig, name: string, patience: number): Promise<Connection> {
  const socket = new Socket();
  const client = new Client({
    ...database,
    application_name: name,
    stream: () => socket,
    keepAlive: true,
    connectionTimeoutMillis: patience,
    query_timeout: patience,
  });
  const broken = new AbortController();
  client.on("error", (error) => broken.abort(error));
  client.on("end", () => broken.abort(new Error("the connection ended")));
  const end = async () => {
    const ended = new AbortController();
    const politely = client.end().catch(() => {}); // an error: it has ended already
    void politely.then(() => ended.abort());
    await pause(1_000, ended.signal);
    socket.destroy();
  };
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return { client, broken: broken.signal, end };
}

/** Until so many milliseconds have passed, or one of the signals is given. */
export function pause(milliseconds: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    for (const signal of signals) signal.addEventListener("abort", done, { once: true });
    if (signals.some(({ aborted }) => aborted)) done();
  });
}
