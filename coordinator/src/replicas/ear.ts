/**
 * The wire beneath the bus: socket.io's Postgres adapter, and what it needs to be left alone with a database that comes and goes. It keeps one
 * connection open to hear what others say, and neither notices that one which died silently nor survives one that breaks while it is in use; here
 * that connection is asked every few seconds whether it is still there, and let go of when it isn't. The adapter then opens another.
 */
import { createAdapter } from "@socket.io/postgres-adapter";
import { fail } from "@tributary/errors";
import { type Client, type ClientConfig, Pool } from "pg";
import type { Logger } from "pino";
import type { Server } from "socket.io";
import type { Wire } from "./bus.ts";
import { openConnection } from "./connection.ts";

export interface Ear {
  readonly wire: Wire;
  /** Whether this replica hears the others just now. */
  hears(): boolean;
  /** When it begins to, and when it no longer does. */
  onChange(tell: (hears: boolean) => void): void;
  /** After socket.io's server is closed. */
  close(): Promise<void>;
}

/** In milliseconds. */
const patience = { connect: 5_000, answer: 5_000, askEvery: 4_000 };

/** Statements that wait for the database; what is said beyond them is lost, as it would be if they came too late. */
const mostWaiting = 1_000;

/** The event under which frames go from server to server. */
const event = "replicas";

/**
 * Connects a socket.io server with those of the other replicas.
 * @param schema of the federation, in which the adapter's table is; no other federation of the database is heard
 */
export function openEar(io: Server, database: ClientConfig, schema: string, log: Logger): Ear {
  const pool = new Pool({
    ...database,
    ...{ max: 2, application_name: "tributary replicas", keepAlive: true },
    ...{ connectionTimeoutMillis: patience.connect, query_timeout: patience.answer },
  });
  const quiet = () => {}; // one that breaks while nobody uses it is replaced when the next is needed
  pool.on("error", quiet);
  let listening: Client | undefined;
  /** Ends the newest connection that was listened on. */
  let endListening = async () => {};
  let hears = false;
  let closed = false;
  let changed: (hears: boolean) => void = () => {};

  const setHears = (now: boolean) => {
    if (hears === now || closed) return;
    hears = now;
    log.info({ hears }, now ? "the other replicas are heard" : "the other replicas are not heard");
    changed(now);
  };

  /** A connection that is only listened on. */
  async function listeningConnection(): Promise<Client & { release(): void }> {
    if (closed) return new Promise(() => {}); // the adapter would ask for ever
    const { client, broken, end } = await openConnection(database, "tributary replicas, listening", patience.answer);
    endListening = end;
    listening = client;
    const ask = () => {
      client.query("SELECT 1").then(
        () => setHears(listening === client),
        () => void end(),
      );
    };
    const asking = setInterval(ask, patience.askEvery);
    broken.addEventListener("abort", () => {
      clearInterval(asking);
      if (listening !== client) return;
      listening = undefined;
      setHears(false);
      void end(); // the adapter hears of the end, too, and opens another
    });
    setImmediate(ask); // it is answered after the adapter's LISTEN, which has gone out by then
    const release = () => {
      clearInterval(asking);
      void end();
    };
    return Object.assign(client, { release });
  }

  /** What the adapter says goes out in the order in which it was said. */
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const inOrder = (text: string, values?: unknown[]) => {
    if (waiting >= mostWaiting) return Promise.reject(fail("TRB_COORDINATOR_DATABASE_UNREACHABLE"));
    waiting++;
    const next = last.then(() => pool.query(text, values)).finally(() => waiting--);
    last = next.catch(quiet); // whoever asked hears of it
    return next;
  };

  // of a pool it uses these two
  const gate = { connect: listeningConnection, query: inOrder };
  io.adapter(
    createAdapter(gate as unknown as Pool, {
      tableName: `"${schema}".socket_io_attachments`,
      channelPrefix: schema,
      errorHandler: (error) => log.warn({ err: error }, "something for the other replicas could not be passed on"),
    }),
  );
  return {
    wire: {
      emit: (frame) => void io.serverSideEmit(event, frame),
      listen: (hear) => void io.on(event, hear),
    },
    hears: () => hears,
    onChange(tell) {
      changed = tell;
    },
    async close() {
      closed = true;
      await last;
      await endListening();
      await pool.end();
    },
  };
}
