import { defineErrors } from "../define.ts";

export const cliErrors = defineErrors({
  TRB_CLI_USAGE: {
    message: "The command can't be understood: {reason}.",
    advice: "{suggestion}`{command} --help` lists what it takes, with an example.",
    status: 400,
    exitCode: 2,
  },
  TRB_CLI_BAD_OPTION: {
    message: "{option} can't be {value}: it takes {expected}.",
    advice: "Correct {option}; `--help` says what it is for, and its default.",
    status: 400,
    exitCode: 2,
  },
  TRB_CLI_CONFIGURATION: {
    message: "The configuration file {file} can't be used: {reason}.",
    advice: "Correct {file}, or take it away.",
    status: 400,
    exitCode: 2,
  },
  TRB_CLI_FILE_NOT_FOUND: {
    message: "There is no file {path}.",
    advice: "Check the path; relative paths start from the folder where the command runs.",
    status: 404,
    exitCode: 2,
  },
  TRB_CLI_FILE_UNREADABLE: {
    message: "{path} can't be read: {reason}.",
    advice: "Name a regular file that this user may read.",
    status: 400,
    exitCode: 2,
  },
  TRB_CLI_NOT_JSON: {
    message: "{path} is not JSON{where}.",
    advice: "Name the file that Tributary wrote, or correct it there.",
    status: 400,
    exitCode: 2,
  },
  TRB_CLI_FILE_NOT_WRITABLE: {
    message: "{path} can't be written: {reason}.",
    advice: "Choose another place, or make room and give write permission.",
    status: 500,
    exitCode: 1,
  },
  TRB_CLI_VECTORS_INVALID: {
    message: "{file} can't be read as golden vectors: {key}: {reason}.",
    advice: "Make the file again, in the shape of test/vectors/models.json.",
    status: 422,
    exitCode: 2,
  },
  TRB_CLI_LEDGER_NOT_VERIFIED: {
    message: "The ledger does not verify: {failures}",
    advice: "Get the file again from the coordinator and from a node, and compare; if they differ, do not trust it.",
    status: 422,
    exitCode: 4,
  },
  TRB_CLI_PLAN_OF_ANOTHER_LEDGER: {
    message: "The plan's hash is {found}; {source} is the ledger of the plan {expected}.",
    advice: "Give the plan and the ledger of one federation.",
    status: 422,
    exitCode: 4,
  },
  TRB_DEMO_FOLDER_IN_USE: {
    message: "The folder {folder} is not empty and was not made by an earlier demo.",
    advice: "Choose another folder with --out, or empty it yourself.",
    status: 409,
    exitCode: 2,
  },
  TRB_DEMO_LOG_INCOMPLETE: {
    message: "--events was given without saying what is in the file.",
    advice: "Add --columns customer=NAME,item=NAME,action=NAME,time=NAME, or --preset.",
    status: 400,
    exitCode: 2,
  },
  TRB_CLI_INTERRUPTED: {
    message: "{what} was interrupted; nothing of it is left behind.",
    advice: "Run it again: it starts from the beginning.",
    status: 500,
    exitCode: 130,
  },
  TRB_CLI_HOME_UNKNOWN: {
    message: "{home} is neither a node's folder nor a coordinator's.",
    advice: "Give the --home of a node that has joined, or of a coordinator that was started once.",
    status: 404,
    exitCode: 2,
  },
  TRB_CLI_INIT_UNANSWERED: {
    message: "There is nobody to ask, and these answers are missing: {flags}.",
    advice:
      "Give them, run `tributary init` at a terminal, or add --yes, which takes what is usual where there is something usual.",
    status: 400,
    exitCode: 2,
  },
  TRB_CLI_STOPPED: {
    message: "`{command}` was interrupted: {kept}.",
    advice: "Give the same command again.",
    status: 500,
    exitCode: 130,
  },
  TRB_DEMO_INTERRUPTED: {
    message: "The demo was interrupted; its processes are stopped and its folder is removed.",
    advice: "Run it again: it starts from the beginning.",
    status: 500,
    exitCode: 130,
  },
  TRB_DEMO_STALLED: {
    message: "No round came to an end for {seconds} s; the federation stands at {phase}.",
    advice: "Run `tributary doctor`; then run the demo again when the machine is less busy, or with a smaller log.",
    status: 500,
    exitCode: 1,
  },
  TRB_DEMO_PROCESS_FAILED: {
    message: "The demo's process `tributary {command}` ended with exit code {exitCode}: {reason}",
    advice: "{advice}",
    status: 500,
    exitCode: 1,
  },
  TRB_UNEXPECTED: {
    message: "Something went wrong that Tributary has no code for: {reason}.",
    advice:
      "Please report it, with what the same command prints with --debug and with `tributary doctor --json`. Read both first, and take out what is private: no customers, no lines of a log, no keys.",
    status: 500,
    exitCode: 1,
  },
});
