import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { startPostgres } from "./server.ts";

describe("startPostgres", () => {
  it("starts a server that answers on its port, and leaves nothing of it behind", { timeout: 90_000 }, async () => {
    const server = await startPostgres();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1", () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]))); // SSLRequest
      socket.once("data", (bytes) => resolve(bytes.toString("latin1"))).once("error", reject);
    });
    expect(answer).toMatch(/^[NS]$/);
    await server.stop();
    const refused = await new Promise<string>((resolve) => {
      connect(server.port, "127.0.0.1").once("error", (error) => resolve("code" in error ? String(error.code) : ""));
    });
    expect(refused).toBe("ECONNREFUSED");
  });
});
