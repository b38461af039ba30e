import { defineErrors } from "../define.ts";

export const backupErrors = defineErrors({
  TRB_BACKUP_UNREADABLE: {
    message: "{path} is no backup of a coordinator: {reason}.",
    advice: "Name a file or folder that `tributary coordinator backup` has made, whole.",
    status: 400,
    exitCode: 2,
  },
  TRB_BACKUP_DAMAGED: {
    message: "The backup is damaged at {file}: {reason}.",
    advice: "Take another copy of this backup, or an older backup; never mend one by hand.",
    status: 500,
    exitCode: 4,
  },
  TRB_BACKUP_NOT_WRITABLE: {
    message: "The backup can't be written to {path}: {reason}.",
    advice: "Name a place that isn't there yet, on a disk with room.",
    status: 500,
    exitCode: 1,
  },
  TRB_BACKUP_PLACE_TAKEN: {
    message: "There is a federation in {where} already; a backup is restored where nothing is.",
    advice:
      "Give a new folder with `--home`, or a new schema in `--database-url`; put the old one away yourself if it is lost.",
    status: 409,
    exitCode: 2,
  },
  TRB_BACKUP_OUTDATED: {
    message:
      "The backup's ledger has {entries} entries, and {path} goes on after entry {shared} otherwise, to {known} entries.",
    advice:
      "Restore a newer backup: nodes that have the longer ledger would refuse this one. If there is none, end this federation and found a new one (docs/operate.md).",
    status: 409,
    exitCode: 4,
  },
});
