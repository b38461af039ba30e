/**
 * The one table of coded errors (DESIGN §8). Rows stand in one file a room, below `codes/`; this file joins them.
 * `docs/errors.md` is generated from it.
 */

import { accessErrors } from "./codes/access.ts";
import { apiErrors } from "./codes/api.ts";
import { auditErrors } from "./codes/audit.ts";
import { backupErrors } from "./codes/backup.ts";
import { certificateErrors } from "./codes/certificate.ts";
import { cliErrors } from "./codes/cli.ts";
import { clientErrors } from "./codes/client.ts";
import { coordinatorErrors } from "./codes/coordinator.ts";
import { deviceErrors } from "./codes/device.ts";
import { dpErrors } from "./codes/dp.ts";
import { eventsErrors } from "./codes/events.ts";
import { federationErrors } from "./codes/federation.ts";
import { ledgerErrors } from "./codes/ledger.ts";
import { modelErrors } from "./codes/model.ts";
import { nodePageErrors } from "./codes/node-page.ts";
import { opendpErrors } from "./codes/opendp.ts";
import { pagesErrors } from "./codes/pages.ts";
import { plannerErrors } from "./codes/planner.ts";
import { protocolErrors } from "./codes/protocol.ts";
import { secaggErrors } from "./codes/secagg.ts";
import { servingErrors } from "./codes/serving.ts";
import { simulateErrors } from "./codes/simulate.ts";
import { tensorErrors } from "./codes/tensor.ts";
import { valueErrors } from "./codes/value.ts";

export const errorTable = {
  ...eventsErrors,
  ...tensorErrors,
  ...dpErrors,
  ...modelErrors,
  ...protocolErrors,
  ...secaggErrors,
  ...ledgerErrors,
  ...certificateErrors,
  ...federationErrors,
  ...clientErrors,
  ...deviceErrors,
  ...servingErrors,
  ...nodePageErrors,
  ...valueErrors,
  ...coordinatorErrors,
  ...accessErrors,
  ...backupErrors,
  ...apiErrors,
  ...simulateErrors,
  ...auditErrors,
  ...pagesErrors,
  ...plannerErrors,
  ...opendpErrors,
  ...cliErrors,
};

export type ErrorCode = keyof typeof errorTable;
