/**
 * Passing signed heads on between nodes: a node that starts asks its peers, with a nonce of its own, what they know of the ledger.
 * The answers are the peers' and are checked by who asked; here only their form is.
 */
import { type HeadStatement, headStatementSchema, type NodeId } from "@tributary/protocol";
import type { Socket } from "socket.io";

/** How long peers may take to answer, in milliseconds: the node waits with its first round meanwhile. */
const patience = 2_000;

/** What those peers that are connected answer in time, in the order asked. */
export async function collectHeads(
  nonce: string,
  peers: readonly NodeId[],
  connection: (node: NodeId) => Socket | undefined,
): Promise<HeadStatement[]> {
  const answers = await Promise.all(
    [...new Set(peers)].map(async (peer) => {
      const socket = connection(peer);
      const answer = socket === undefined ? undefined : await ask(socket, nonce);
      const head = headStatementSchema.safeParse(answer);
      return head.success && head.data.node === peer ? [head.data] : [];
    }),
  );
  return answers.flat();
}

/** Undefined when no answer comes. (socket.io's own timeout outlives the connection, and would keep a finished process waiting.) */
function ask(socket: Socket, nonce: string): Promise<unknown> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), patience).unref();
    socket.emit("head", { nonce }, (answer: unknown) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
