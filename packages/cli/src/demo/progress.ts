/** A progress bar on a terminal; nothing where stderr is piped. */
import cliProgress from "cli-progress";

export interface ProgressBar {
  show(what: string, done: number, of: number): void;
  end(): void;
}

export function progressBar(): ProgressBar {
  if (!process.stderr.isTTY) return { show() {}, end() {} };
  const bar = new cliProgress.SingleBar({
    format: "{what} {bar} {value}/{total}  {eta_formatted} left",
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  });
  let current = "";
  return {
    show(what, done, of) {
      if (what !== current) {
        if (current !== "") bar.stop();
        bar.start(of, done, { what });
        current = what;
      }
      bar.update(done, { what });
    },
    end() {
      if (current !== "") bar.stop();
      current = "";
    },
  };
}
