/** A wire to a database that can be cut at the worst moment: when a transaction is to be committed. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface CutWire {
  readonly port: number;
  /**
   * Cuts the connection by which the next commit goes: before the server hears of it, or once it has answered, with the answer lost either way.
   * @returns when it is done
   */
  cutAtCommit(when: "before" | "after"): Promise<void>;
  /** Nothing gets through until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function cutWire(port: number): Promise<CutWire> {
  let armed: { readonly when: "before" | "after"; readonly done: () => void } | undefined;
  let severed = false;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    if (severed) {
      near.destroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    let losing: (() => void) | undefined;
    const end = () => {
      for (const socket of [near, far]) {
        socket.destroy();
        open.delete(socket);
      }
    };
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", end).on("close", end);
    }
    near.on("data", (said) => {
      if (armed !== undefined && said.includes("commit")) {
        const { when, done } = armed;
        armed = undefined;
        if (when === "before") {
          end();
          done();
          return;
        }
        losing = done;
      }
      far.write(said);
    });
    far.on("data", (said) => {
      if (losing === undefined) near.write(said);
      else {
        end();
        losing();
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const cutAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: address.port,
    cutAtCommit: (when) =>
      new Promise((done) => {
        armed = { when, done };
      }),
    cut() {
      severed = true;
      cutAll();
    },
    mend() {
      severed = false;
    },
    async close() {
      cutAll();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}
