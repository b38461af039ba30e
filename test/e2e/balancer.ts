/** A small TCP balancer, as a platform has in front of its replicas: round robin over those that take connections. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Balancer {
  readonly port: number;
  readonly url: string;
  /** Ports on the loopback interface, instead of those before; connections that are open stay. */
  serve(ports: readonly number[]): void;
  close(): void;
}

export async function startBalancer(): Promise<Balancer> {
  let ports: readonly number[] = [];
  let next = 0;
  const open = new Set<Socket>();

  const keep = (socket: Socket, other: Socket) => {
    open.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      open.delete(socket);
      other.destroy();
    });
    socket.pipe(other);
  };

  /** One attempt at each port; a replica that was killed refuses at once. */
  const forward = (near: Socket, attempts: number) => {
    const port = ports[next++ % ports.length];
    if (port === undefined || attempts === 0) return void near.destroy();
    const far = connect(port, "127.0.0.1");
    const refused = () => forward(near, attempts - 1);
    far.once("error", refused);
    far.once("connect", () => {
      far.removeListener("error", refused);
      keep(near, far);
      keep(far, near);
    });
  };

  const server = createServer({ pauseOnConnect: true }, (near) => {
    near.on("error", () => near.destroy());
    forward(near, ports.length);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    serve(now) {
      ports = now;
    },
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
