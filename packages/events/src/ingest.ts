/** `@tributary/events/ingest`: what loads DuckDB, entered only by who imports logs. */
export { type IngestOptions, type IngestReport, type IngestResult, ingestLog } from "./ingest/ingest-log.ts";
export { type IngestPreset, ingestPresets } from "./ingest/presets.ts";
export { type Encoding, encodings, type LogFormat, type LogSource, logFormats, type QuerySource } from "./ingest/source.ts";
