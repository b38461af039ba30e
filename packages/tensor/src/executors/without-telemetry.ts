/**
 * ONNX Runtime's builds for Linux send usage data to their maker and keep its files in the temporary folder, unless this variable is
 * set before the library is loaded. Nothing here may speak to anybody but the federation, so it is set, whatever the caller wants.
 *
 * Imported for its effect, before "onnxruntime-node". In a worker thread `process.env` is a copy that the library does not see, unless
 * the worker was started with `SHARE_ENV`.
 */
process.env["ORT_DISABLE_TELEMETRY"] = "1";
