/**
 * Python where none is installed: CPython compiled to WebAssembly, from the package registry, in place of the command `python3`.
 *
 *   node webassembly-python.ts [-B] SCRIPT [ARGUMENTS…]
 *   node webassembly-python.ts [-B] -c PROGRAM
 *
 * It sees the folder of the script and the system's temporary folder, by their own names, and nothing else of this machine.
 */
import { readSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { loadPyodide } from "pyodide";

const [first = "", ...others] = process.argv.slice(2).filter((argument) => argument !== "-B");
const python = await loadPyodide({ env: { PYTHONDONTWRITEBYTECODE: "1", HOME: "/" } });
const verifier = fileURLToPath(new URL("../../docs/verify", import.meta.url));
for (const folder of new Set([verifier, tmpdir(), ...(first === "-c" ? [] : [dirname(resolve(first))])])) {
  python.FS.mkdirTree(folder);
  python.mountNodeFS(folder, folder);
}
python.setStdin({ read: (buffer: Uint8Array) => readSync(0, buffer) });
const to = (descriptor: number) => ({ write: (bytes: Uint8Array) => writeSync(descriptor, bytes), isatty: false });
python.setStdout(to(1));
python.setStderr(to(2));
python.globals["set"]("command", first === "-c" ? ["-c"] : [resolve(first), ...others]);
python.globals["set"]("program", first === "-c" ? (others[0] ?? "") : "");
const status: unknown = python.runPython(`
import runpy, sys, traceback
sys.argv = list(command)
status = 0
try:
    if sys.argv[0] == "-c":
        exec(program, {"__name__": "__main__"})
    else:
        sys.path.insert(0, sys.argv[0].rsplit("/", 1)[0])
        runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
except BaseException:
    traceback.print_exc()
    status = 1
sys.stdout.flush()
sys.stderr.flush()
status
`);
process.exit(typeof status === "number" ? status : 1);
