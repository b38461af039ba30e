/** A coordinator as a process of its own, for tests that kill it: `node serve.test-support.ts HOME`. The plan is in the home already. */
import { startCoordinator } from "./server.ts";

const [home = ""] = process.argv.slice(2);
const { url } = await startCoordinator({ home, port: 0, startWhen: 4 });
process.stdout.write(`${JSON.stringify({ url, pid: process.pid })}\n`);
