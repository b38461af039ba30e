/** The coordinator's page. */
import "../shared/base.css";
import { render } from "preact";
import { Shell } from "../shared/shell.tsx";

const page = document.getElementById("page");
if (page !== null) {
  render(
    <Shell title="Tributary">
      <p />
    </Shell>,
    page,
  );
}
