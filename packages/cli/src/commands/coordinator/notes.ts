/** `tributary coordinator pause`, `resume`, `revoke`, `promote`, `rollback`: what an operator does, and the ledger says. */
import { type OperatorRequest, requestNote } from "@tributary/coordinator";
import { type CoordinatorApi, nodeId, sha256Hex } from "@tributary/protocol";
import type { Command } from "commander";
import { z } from "zod";
import { integerOption, jsonOption, textOption } from "../../options.ts";
import { print } from "../../output.ts";
import { addSeatOptions, type SeatFlags, seatOf } from "./seat.ts";

interface NoteFlags extends SeatFlags {
  readonly operator: string;
  readonly reason?: string;
  readonly json?: boolean;
}

const role = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/);

function addNote(coordinator: Command, name: string, description: string, example: string): Command {
  const command = coordinator
    .command(name)
    .description(`${description}; it is written into the ledger as soon as no round is under way`);
  return addSeatOptions(command)
    .addOption(
      textOption("--operator <role>", "whose decision it is: a role, not a person", role, "up to 32 of a–z, 0–9 and -").default(
        "operator",
      ),
    )
    .addOption(jsonOption())
    .addHelpText("after", `\nExample:\n  tributary coordinator ${name} --home platform${example}`);
}

const reasonFlags = ["--reason <text>", "why, for everybody to read", ""] as const;

/** The same over HTTP. */
async function requested(api: CoordinatorApi, request: OperatorRequest): Promise<{ readonly kind: string }> {
  switch (request.kind) {
    case "pause":
    case "resume":
      return (await api[request.kind]({ body: { reason: request.reason } })).requested;
    case "revoke":
      return (await api.revoke({ body: { node: request.node, reason: request.reason } })).requested;
    case "promote":
      return (await api.promote({ body: request.modelHash === undefined ? {} : { modelHash: request.modelHash } })).requested;
    case "rollback":
      return (await api.rollback({ body: { round: request.round, reason: request.reason } })).requested;
  }
}

export function addNotes(coordinator: Command): void {
  const act = async (flags: NoteFlags, command: Command, request: OperatorRequest) => {
    const { place, api } = seatOf(flags, command);
    const note = api === undefined ? await requestNote(place, request, flags.operator) : await requested(api, request);
    print(flags.json, { requested: note }, () => [`to be written into the ledger: ${note.kind}`]);
  };
  for (const kind of ["pause", "resume"] as const) {
    const what = kind === "pause" ? "offer no more rounds until somebody resumes" : "offer rounds again";
    addNote(coordinator, kind, what, ' --reason "the database is moved"')
      .option(...reasonFlags)
      .action((flags: NoteFlags, command: Command) => act(flags, command, { kind, reason: flags.reason ?? "" }));
  }
  addNote(coordinator, "revoke", "let a node take part no longer", " --node bookshop")
    .addOption(textOption("--node <name>", "the node's public name", nodeId, "a node's name").makeOptionMandatory())
    .option(...reasonFlags)
    .action((flags: NoteFlags & { node: z.infer<typeof nodeId> }, command: Command) => {
      return act(flags, command, { kind: "revoke", node: flags.node, reason: flags.reason ?? "" });
    });
  addNote(coordinator, "promote", "put a model forward for use: the one that metrics kept last, or the latest", "")
    .addOption(textOption("--model <hash>", "that one of them (SHA-256)", sha256Hex, "64 of 0–9 and a–f"))
    .action((flags: NoteFlags & { model?: z.infer<typeof sha256Hex> }, command: Command) => {
      return act(flags, command, { kind: "promote", ...(flags.model === undefined ? {} : { modelHash: flags.model }) });
    });
  addNote(
    coordinator,
    "rollback",
    "have training go on from the model that an earlier round left",
    ' --round 7 --reason "a merchant\'s log was wrong"',
  )
    .addOption(
      integerOption("--round <n>", "the round whose model it is; 0: the model that training began at", 0).makeOptionMandatory(),
    )
    .option(...reasonFlags)
    .action((flags: NoteFlags & { round: number }, command: Command) => {
      return act(flags, command, { kind: "rollback", round: flags.round, reason: flags.reason ?? "" });
    });
}
