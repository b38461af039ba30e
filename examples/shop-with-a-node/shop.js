/** A shop on Fastify: products, a cart, and beside each product what the node recommends. */
import Fastify from "fastify";
import { openNode } from "./node.js";

const { HOME_FOLDER = "shop-home", INVITE, TRUST = "", LOG, PORT = "8080" } = process.env;
const node = await openNode({
  ...{ home: HOME_FOLDER, invite: INVITE, log: LOG },
  trust: TRUST.split(",").filter((fingerprint) => fingerprint !== ""),
});

const shop = Fastify();
const asked = { type: "object", required: ["customer"], properties: { customer: { type: "string", maxLength: 64 } } };

shop.get("/products/:item", { schema: { querystring: asked } }, async (request) => {
  const { item } = request.params;
  const { customer } = request.query;
  await node.tell({ customer, item, action: "view" });
  const { items, basis } = await node.recommend(customer, 5);
  return { item, beside: items.map((one) => one.item).filter((other) => other !== item), basis };
});

const cart = {
  type: "object",
  required: ["customer", "item"],
  properties: { customer: { type: "string" }, item: { type: "string" } },
};
shop.post("/cart", { schema: { body: cart } }, async (request) => {
  const { customer, item } = request.body;
  const { accepted } = await node.tell({ customer, item, action: "cart" });
  return { accepted };
});

const url = await shop.listen({ port: Number(PORT), host: "127.0.0.1" });
console.log(JSON.stringify({ url, federation: node.federation, takesPart: node.takesPart }));

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, async () => {
    await shop.close();
    await node.close();
  });
