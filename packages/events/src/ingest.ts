/** `@tributary/events/ingest`: what loads DuckDB, entered only by who imports logs. */
export {
  type CustomersOfItemsOptions,
  customersOfItems,
  type ItemSurveyOptions,
  itemsOfLog,
  type LogItem,
} from "./catalogue/customers-of-items.ts";
export {
  byId,
  type ItemColumns,
  type ReadItems,
  type ReadItemsOptions,
  readItems,
} from "./catalogue/read-items.ts";
export { readSkuMap } from "./catalogue/sku-map.ts";
export { type IngestOptions, type IngestReport, ingestLog } from "./ingest/ingest-log.ts";
export type { FetchedPage, PageSpool, PagesSource, Paging } from "./ingest/pages/pages-source.ts";
export { type LogPreview, type PreviewOptions, previewLog } from "./ingest/preview.ts";
export { readAndSort } from "./ingest/read-and-sort.ts";
export type { LogSource, QuerySource } from "./ingest/source.ts";
export { type AddRows, type Cell, type TableColumn, writeTable } from "./tables/table-writer.ts";
