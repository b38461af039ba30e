/**
 * The seam between what every replica does and what only one does. All of them serve HTTP and sockets; one leads: it runs the engine and
 * decides when rounds begin. In a process of its own the leader is called as it is; between replicas both interfaces go over the wire.
 *
 *   node ◀──▶ transport ── Leader ──▶ federation ── ConnectedNodes ──▶ transport ◀──▶ node
 */
import type { ErasureNote, Message, MessageOf, NodeId } from "@tributary/protocol";
import type { RunningFederation } from "../rounds/federation.ts";

/** What those who serve nodes ask of the one that leads. */
export interface Leader {
  /**
   * A node's message, its sender checked.
   * @returns once what follows from it is durable and on its way
   * @throws the reducer's coded error; TRB_COORDINATOR_STOPPING when the leader may or may not have heard it: then the node has to connect
   *   again, which makes the leader tell it what it waits for
   */
  message(message: Message): Promise<void>;
  /** Whether this upload would be taken now. @throws the reducer's coded error */
  checkUpload(message: MessageOf<"masked">): Promise<void>;
  /** A whole vector is where the leader's workers find it. @throws as `message` does */
  uploaded(message: MessageOf<"masked">): Promise<void>;
  /** A node's own note, its signature checked: to be written between rounds, unless the ledger says so already. */
  erased(note: ErasureNote): Promise<void>;
  /** A node refused what it was sent. Only counted. */
  refused(node: NodeId, message: Pick<Message, "step" | "round">, code: string): void;
  /** A node is there (again), wherever; it counts among `ConnectedNodes.online()` already. */
  connected(node: NodeId): void;
  disconnected(node: NodeId): void;
  /** Nodes of the roster; 0 before the federation has begun. Bounds lists in messages, so a little behind does no harm. */
  rosterSize(): number;
}

/** What the one that leads has of the nodes, whichever replica they are connected with. */
export interface ConnectedNodes {
  /** To those of them that are connected. */
  send(to: readonly NodeId[], message: Message): void;
  /** Tells everybody how long the ledger is. */
  announceLedger(entries: number): void;
  /** Ascending. */
  online(): readonly NodeId[];
  /** The newest version of the protocol that all who are connected speak. */
  version(): string;
  /** Until every message sent so far is acknowledged or its node gone, and at most so long. */
  drained(milliseconds: number): Promise<void>;
}

/** The leader is this process. @param leading who leads now; what comes before anybody does waits */
export function ownLeader(leading: () => Promise<RunningFederation>): Leader {
  let federation: RunningFederation | undefined;
  const whenLeading = (tell: (running: RunningFederation) => void) =>
    void leading().then(
      (running) => {
        federation = running;
        tell(running);
      },
      () => {}, // why it never came to that is the business of whoever started it
    );
  whenLeading(() => {});
  return {
    message: async (message) => (await leading()).message(message),
    checkUpload: async (message) => (await leading()).checkUpload(message),
    uploaded: async (message) => (await leading()).uploaded(message),
    erased: async (note) => (await leading()).erased(note),
    refused: (node, message, code) => whenLeading((running) => running.refused(node, message, code)),
    connected: (node) => whenLeading((running) => running.connected(node)),
    disconnected: (node) => whenLeading((running) => running.disconnected(node)),
    rosterSize: () => federation?.rosterSize() ?? 0,
  };
}
