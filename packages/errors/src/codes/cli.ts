import { defineErrors } from "../define.ts";

export const cliErrors = defineErrors({
  TRB_CLI_BAD_OPTION: {
    message: "{option} can't be {value}: expected {expected}.",
    advice: "Give the option again with {expected}.",
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
  TRB_CLI_NOT_JSON: {
    message: "{path} is not JSON.",
    advice: "Name the file that Tributary wrote.",
    status: 400,
    exitCode: 2,
  },
  TRB_CLI_FILE_NOT_WRITABLE: {
    message: "{path} can't be written: {reason}.",
    advice: "Choose another place, or make room and give write permission.",
    status: 500,
    exitCode: 1,
  },
  TRB_CLI_LEDGER_NOT_VERIFIED: {
    message: "The ledger does not verify: {failures}.",
    advice: "Get the file again from the coordinator and from a node, and compare; if they differ, do not trust it.",
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
  TRB_DEMO_INTERRUPTED: {
    message: "The demo was interrupted; its processes are stopped and its folder is removed.",
    advice: "Run it again: it starts from the beginning.",
    status: 500,
    exitCode: 1,
  },
  TRB_DEMO_PROCESS_FAILED: {
    message: "`tributary {command}` ended with exit code {exitCode}: {reason}",
    advice: "See {log} for what it wrote, and run the command by itself.",
    status: 500,
    exitCode: 1,
  },
  TRB_PLAN_DELTA_NOT_BELOW_CUSTOMERS: {
    message: "δ = {delta} is not below 1/customers = {limit}.",
    advice: "Choose a δ well below 1/{customers}; such a δ would allow publishing somebody outright.",
    status: 400,
    exitCode: 3,
  },
});
