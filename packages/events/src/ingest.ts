/** `@tributary/events/ingest`: what loads DuckDB, entered only by who imports logs. */
export { type IngestOptions, type IngestReport, ingestLog } from "./ingest/ingest-log.ts";
export { type LogPreview, type PreviewOptions, previewLog } from "./ingest/preview.ts";
export type { LogSource } from "./ingest/source.ts";
