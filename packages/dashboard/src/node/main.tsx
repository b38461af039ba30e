/** The node's page: a merchant's own view of its node, served by the node on loopback. */
import "./way-in.ts";
import "../shared/base.css";
import "./node.css";
import { render } from "preact";
import { NodePage } from "./page.tsx";
import { beginSession } from "./session.ts";

const page = document.getElementById("page");
if (page !== null) render(<NodePage />, page);
void beginSession();
