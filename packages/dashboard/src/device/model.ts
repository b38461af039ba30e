/** What the device's page shows and asks for; `client/web` is it. */
import type { NodeId, Plan, Sha256 } from "@tributary/protocol";

/** A refusal, in the table's words. */
export interface DeviceNotice {
  readonly code: string;
  readonly message: string;
  readonly advice: string;
}

export interface DeviceStatus {
  /** Null before an invite was taken. */
  readonly joined: {
    readonly federation: string;
    readonly node: NodeId;
    readonly url: string;
    readonly plan: Plan;
    readonly fingerprint: Sha256;
    readonly coordinatorFingerprint: Sha256;
    /** Members as they were when this device joined, without itself. */
    readonly peers: readonly { readonly node: NodeId; readonly fingerprint: Sha256 }[];
    /** How many others must be trusted before this device takes part. */
    readonly leastTrusted: number;
  } | null;
  /** Null before its person has consented. */
  readonly consent: { readonly maxEpsilon: number; readonly trustedPeers: readonly Sha256[] } | null;
  readonly paused: boolean;
  readonly history: { readonly events: number; readonly items: number; readonly from: number; readonly to: number } | null;
  readonly running: "stopped" | "starting" | "running" | "ended" | "failed";
  readonly connected: boolean;
  /** The round under way, and how far this device is in it. */
  readonly round: { readonly number: number; readonly kind: string; readonly phase: string } | null;
  readonly rounds: { readonly charged: number; readonly most: number };
  readonly epsilon: { readonly spent: number; readonly limit: number };
  /** The latest messages that left, the newest last. */
  readonly outgoing: readonly {
    readonly at: string;
    readonly kind: string;
    readonly round: number | null;
    readonly bytes: number;
  }[];
  /** What was refused or went wrong last; and, where `running` is `failed`, why. */
  readonly notice: DeviceNotice | null;
}

export interface DeviceOnPage {
  status(): DeviceStatus;
  /** Calls after every change. @returns ends it */
  watch(changed: (status: DeviceStatus) => void): () => void;
  join(invite: string): Promise<void>;
  consent(given: { readonly maxEpsilon: number; readonly trustedPeers: readonly string[] }): Promise<void>;
  /** A file's text: JSON or CSV. */
  giveText(text: string): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Erases everything that this browser keeps of the device. */
  leave(): Promise<void>;
}
