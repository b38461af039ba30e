/** A progress bar on a terminal; nothing where stderr is piped. */
import cliProgress from "cli-progress";

export interface ProgressBar {
  /** @param rate in words, such as `120/s` */
  show(what: string, done: number, of: number, rate?: string): void;
  end(): void;
}

export function progressBar(): ProgressBar {
  if (!process.stderr.isTTY) return { show() {}, end() {} };
  const bar = new cliProgress.SingleBar({
    format: "{what} {bar} {value}/{total}  {rate}{eta_formatted} left",
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  });
  let current = "";
  return {
    show(what, done, of, rate = "") {
      const facts = { what, rate: rate === "" ? "" : `${rate}, ` };
      if (what !== current) {
        if (current !== "") bar.stop();
        bar.start(of, done, facts);
        current = what;
      }
      bar.update(done, facts);
    },
    end() {
      if (current !== "") bar.stop();
      current = "";
    },
  };
}
