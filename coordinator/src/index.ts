/**
 * Room 10. The server that runs rounds.
 *
 * `startCoordinator` serves a home. The other functions work on the home's files beside it, whether it runs or not: SQLite lets
 * several processes at one file.
 */
export { accessAtHome } from "./access/at-home.ts";
export { openApiDocument } from "./api/openapi.ts";
export { type BackupRequest, backupFederation } from "./backup/backup.ts";
export { type Restored, type RestoreRequest, restoreFederation } from "./backup/restore.ts";
export { type CertifyHomeOptions, certificateOf, certifyHome, type WrittenCertificate } from "./certify.ts";
export { keepHeapSmall } from "./heap.ts";
export { type CoordinatorIdentity, coordinatorIdentity, identityFromFile } from "./home/identity.ts";
export { type HomeLayout, homeLayout } from "./home/layout.ts";
export { createInvite, type InviteRequest } from "./invites.ts";
export type { MemberStanding } from "./membership.ts";
export { type OperatorRequest, requestNote } from "./notes.ts";
export { type DoctorRequest, examineHome } from "./observe/doctor.ts";
export { examineUrl } from "./observe/doctor-remote.ts";
export type { Finding } from "./observe/findings.ts";
export { logLevels } from "./observe/logging.ts";
export { type RetentionRequest, retainAt } from "./retention-at-home.ts";
export { parseBetween, parseEvery } from "./rounds/calendar.ts";
export type { RoundSchedule } from "./rounds/schedule.ts";
export type { CoordinatorOptions, RunningCoordinator } from "./server.ts";
export { startCoordinator } from "./start.ts";
export { type CoordinatorStatus, readRoster, readRounds, readStatus } from "./status.ts";
export { openBlobs } from "./storage/blobs.ts";
export { openObjects } from "./storage/objects.ts";
export type { RoundFigures } from "./storage/round-table.ts";
export { openUploads } from "./storage/uploads.ts";
export { countTraffic } from "./transport/traffic.ts";
export { doWork } from "./work/computations.ts";
export { openSharing, type RunningWorker, runWorker, type Sharing, type WorkerRequest } from "./work/open-work.ts";
