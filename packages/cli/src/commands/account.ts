/** `tributary account …`: privacy calculators. */
import {
  type Account,
  type AccountantName,
  account,
  accountantNames,
  calibrateNoise,
  discreteGaussianNoise,
  forGroup,
  integerGaussian,
  laplace,
  latticeGaussian,
  noiseFor,
  type PrivacyBound,
  type PrivacyEvent,
  privacyProfile,
  profileEpsilons,
  profileMu,
  repeated,
  sampledGaussian,
  samplingRateFor,
  stepsFor,
} from "@tributary/dp";
import { fail, isTributaryError } from "@tributary/errors";
import { Command, Option } from "commander";
import { deltaOption, epsilonOption, integerOption, jsonOption, numberOption } from "../options.ts";
import { print, table } from "../output.ts";
import { addPacking } from "./account/packing.ts";
import { type Mechanism, mechanisms, parseReleases, type Release, releaseForm } from "./account/releases.ts";

const accountantOption = () =>
  new Option("--accountant <name>", "how cost is added up").choices(accountantNames).default("rdp-integer");
const mechanismOption = () =>
  new Option("--mechanism <name>", "what noise (default: gaussian; lattice-gaussian for the accountant of that)").choices(
    mechanisms,
  );
const samplingRateOption = () =>
  numberOption(
    "--sampling-rate <q>",
    "chance that a customer is in a round",
    (q) => q >= 0 && q <= 1,
    "a number from 0 to 1",
  ).makeOptionMandatory();
const noiseOption = () =>
  numberOption("--noise <z>", "noise multiplier", (z) => z > 0, "a number above 0").makeOptionMandatory();
const stepsOption = () => integerOption("--steps <rounds>", "rounds", 1).makeOptionMandatory();
const groupOption = () => integerOption("--group <k>", "customers that are protected together, or merchants of one", 1, 1);
const sensitivityOption = () =>
  integerOption("--sensitivity <Δ>", "of integer-gaussian: how far a customer moves the number, where σ = z·Δ", 1, 1);
const deviationOption = () =>
  numberOption("--deviation <σ>", "of lattice-gaussian: σ in integer units", (value) => value >= 4, "a number from 4 on");
const touchedOption = () => integerOption("--touched <m>", "of lattice-gaussian: most coordinates that a customer moves", 1);
const releaseOption = () =>
  new Option("--release <list>", `one kind of release, again for more: ${releaseForm}`)
    .argParser((text: string, before: Release[] | undefined) => [...(before ?? []), ...parseReleases(text)])
    .makeOptionMandatory();

interface Common {
  readonly accountant: AccountantName;
  readonly json?: boolean;
}

interface Ran extends Common {
  readonly samplingRate: number;
  readonly noise: number;
  readonly steps: number;
  readonly mechanism?: Mechanism;
  readonly sensitivity: number;
  readonly deviation?: number;
  readonly touched?: number;
  readonly group: number;
}

export function accountCommand(): Command {
  const command = new Command("account").description("privacy calculators");
  addEpsilon(command);
  addNoise(command);
  addSteps(command);
  addSamplingRate(command);
  addCompose(command);
  addProfile(command);
  addPacking(command);
  return command;
}

function addEpsilon(command: Command): void {
  command
    .command("epsilon")
    .description("what ε so many rounds cost")
    .addOption(samplingRateOption())
    .addOption(noiseOption())
    .addOption(stepsOption())
    .addOption(deltaOption().makeOptionMandatory())
    .addOption(mechanismOption())
    .addOption(sensitivityOption())
    .addOption(deviationOption())
    .addOption(touchedOption())
    .addOption(groupOption())
    .addOption(accountantOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary account epsilon --sampling-rate 0.01 --noise 1 --steps 1000 --delta 1e-5")
    .action((options: Ran & { delta: number }) => printBound(options, spentBy(options).epsilon(options.delta)));
}

function addNoise(command: Command): void {
  command
    .command("noise")
    .description("how much noise a target ε takes")
    .addOption(epsilonOption().makeOptionMandatory())
    .addOption(samplingRateOption())
    .addOption(stepsOption())
    .addOption(deltaOption().makeOptionMandatory())
    .addOption(mechanismOption())
    .addOption(sensitivityOption())
    .addOption(deviationOption())
    .addOption(touchedOption())
    .addOption(groupOption())
    .addOption(accountantOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary account noise --epsilon 8 --sampling-rate 0.04 --steps 2000 --delta 1e-5")
    .action((options: Omit<Ran, "noise"> & { epsilon: number; delta: number }) => {
      const noiseMultiplier = leastNoise(options);
      const { epsilon, delta, accountant } = options;
      print(options.json, { noiseMultiplier, epsilon, delta, accountant, mechanism: mechanismOf(options) }, () => [
        `noise multiplier z = ${noiseMultiplier.toFixed(6)} for ε = ${epsilon} at δ = ${delta} (${accountant})`,
      ]);
    });
}

function addSteps(command: Command): void {
  command
    .command("steps")
    .description("how many rounds a target ε allows")
    .addOption(epsilonOption().makeOptionMandatory())
    .addOption(samplingRateOption())
    .addOption(noiseOption())
    .addOption(deltaOption().makeOptionMandatory())
    .addOption(mechanismOption())
    .addOption(sensitivityOption())
    .addOption(deviationOption())
    .addOption(touchedOption())
    .addOption(groupOption())
    .addOption(accountantOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary account steps --epsilon 8 --sampling-rate 0.04 --noise 1.4 --delta 1e-5")
    .action((options: Omit<Ran, "steps"> & { epsilon: number; delta: number }) => {
      const { epsilon, delta, accountant } = options;
      const { steps } = stepsFor({ accountant, epsilon, delta }, eventOf({ ...options, steps: 1 }));
      print(options.json, { steps, epsilon, delta, accountant, mechanism: mechanismOf(options) }, () => [
        `${steps} rounds keep ε = ${epsilon} at δ = ${delta} (${accountant})`,
      ]);
    });
}

function addSamplingRate(command: Command): void {
  command
    .command("sampling-rate")
    .description("how many customers a round may sample under a target ε")
    .addOption(epsilonOption().makeOptionMandatory())
    .addOption(noiseOption())
    .addOption(stepsOption())
    .addOption(deltaOption().makeOptionMandatory())
    .addOption(mechanismOption())
    .addOption(sensitivityOption())
    .addOption(deviationOption())
    .addOption(touchedOption())
    .addOption(groupOption())
    .addOption(accountantOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary account sampling-rate --epsilon 8 --noise 1.4 --steps 2000 --delta 1e-5")
    .action((options: Omit<Ran, "samplingRate"> & { epsilon: number; delta: number }) => {
      const { epsilon, delta, accountant } = options;
      const mechanism = mechanismOf(options);
      if (mechanism === "laplace" || accountant === "lattice") {
        const expected =
          "noise and an accountant for samples: Laplace noise is charged as on everybody, lattice bounds no sample";
        throw fail("TRB_CLI_BAD_OPTION", { option: "--mechanism", value: `${mechanism} (${accountant})`, expected });
      }
      const { samplingRate } = samplingRateFor({ accountant, epsilon, delta }, (rate) =>
        eventOf({ ...options, samplingRate: rate }),
      );
      print(options.json, { samplingRate, epsilon, delta, accountant, mechanism }, () => [
        `sampling rate q = ${samplingRate} keeps ε = ${epsilon} at δ = ${delta} (${accountant})`,
      ]);
    });
}

function addCompose(command: Command): void {
  command
    .command("compose")
    .description("what several kinds of release cost together")
    .addOption(releaseOption())
    .addOption(deltaOption().makeOptionMandatory())
    .addOption(accountantOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary account compose --release sampling-rate=0.02,noise=1.1,steps=400 --release mechanism=laplace,noise=10 --delta 1e-6",
    )
    .action((options: Common & { release: Release[]; delta: number }) => {
      const each = options.release.map((release) => epsilonOrNull(spentBy({ ...options, ...release }), options.delta));
      const together = options.release.reduce<Account>(
        (spent, release) => spent.add(eventOf({ ...release, accountant: options.accountant })),
        account(options.accountant),
      );
      const bound = together.epsilon(options.delta);
      print(
        options.json,
        { ...documentOf(options, bound), releases: options.release.map((r, i) => ({ ...r, epsilon: each[i] })) },
        () => [
          ...table([
            ["release", "alone, ε"],
            ...options.release.map((r, i) => [described(r), each[i]?.toFixed(6) ?? "unbounded"]),
          ]),
          sentence(options, bound),
        ],
      );
    });
}

function addProfile(command: Command): void {
  command
    .command("profile")
    .description("δ at every ε, and the μ of Gaussian differential privacy that covers it")
    .addOption(releaseOption())
    .addOption(numberOption("--least-delta <δ>", "where the profile ends", (d) => d > 0 && d < 1, "from 0 to 1", 1e-9))
    .addOption(integerOption("--points <n>", "values of ε", 2, 21, 1000))
    .addOption(accountantOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary account profile --release sampling-rate=0.02,noise=1.1,steps=400 --accountant rdp",
    )
    .action((options: Common & { release: Release[]; leastDelta: number; points: number }) => {
      const spent = options.release.reduce<Account>(
        (so, release) => so.add(eventOf({ ...release, accountant: options.accountant })),
        account(options.accountant),
      );
      const profile = privacyProfile(spent, profileEpsilons(spent, options.leastDelta, options.points));
      const mu = profileMu(profile);
      const points = profile.map(({ epsilon, delta }) => ({ epsilon, delta }));
      print(options.json, { mu, accountant: options.accountant, profile: points }, () => [
        ...table([["ε", "δ"], ...points.map(({ epsilon, delta }) => [epsilon.toFixed(4), delta.toExponential(3)])]),
        `μ = ${mu.toFixed(4)}: telling N(μ, 1) from N(0, 1) is no harder anywhere above (${options.accountant})`,
      ]);
    });
}

/** The least noise; `rdp-integer` of Gaussian noise is what plans are made with. */
function leastNoise(options: Omit<Ran, "noise"> & { epsilon: number; delta: number }): number {
  const { accountant, epsilon, delta } = options;
  const mechanism = mechanismOf(options);
  const plain = mechanism === "gaussian" || mechanism === "discrete-gaussian";
  if (accountant === "rdp-integer" && plain && options.group === 1 && options.sensitivity === 1) return calibrateNoise(options);
  return noiseFor({ accountant, epsilon, delta }, (noise) => eventOf({ ...options, noise })).noiseMultiplier;
}

const spentBy = (ran: Ran): Account => account(ran.accountant).add(eventOf(ran));

const mechanismOf = ({ mechanism, accountant }: Pick<Ran, "mechanism" | "accountant">): Mechanism =>
  mechanism ?? (accountant === "lattice" ? "lattice-gaussian" : "gaussian");

function eventOf(ran: Omit<Ran, "json">): PrivacyEvent {
  const { samplingRate, noise, steps, group, sensitivity } = ran;
  const mechanism = mechanismOf(ran);
  if (mechanism === "laplace" && samplingRate < 1) {
    const expected = "1: Laplace noise on a sample is charged as on everybody";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--sampling-rate", value: String(samplingRate), expected });
  }
  if (mechanism !== "integer-gaussian" && sensitivity !== 1) {
    const expected = "1: the noise multiplier is noise over sensitivity already";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--sensitivity", value: String(sensitivity), expected });
  }
  const once = {
    gaussian: () => sampledGaussian(samplingRate, noise),
    "discrete-gaussian": () => discreteGaussianNoise(noise, samplingRate),
    "integer-gaussian": () => integerGaussian({ variance: (noise * sensitivity) ** 2, sensitivity, samplingRate }),
    "lattice-gaussian": () => latticeGaussian({ samplingRate, noiseMultiplier: noise, ...latticeOf(ran) }),
    laplace: () => laplace(noise),
  }[mechanism];
  const event = repeated(once(), steps);
  return group === 1 ? event : forGroup(event, group);
}

function latticeOf({ deviation, touched }: Pick<Ran, "deviation" | "touched">): { deviation: number; touched: number } {
  const missing = deviation === undefined ? "--deviation" : "--touched";
  if (deviation !== undefined && touched !== undefined) return { deviation, touched };
  const expected = "given for lattice-gaussian: what it costs depends on how fine the integers are beside the noise";
  throw fail("TRB_CLI_BAD_OPTION", { option: missing, value: "left out", expected });
}

/** A release alone may cost more than there is a number for. */
function epsilonOrNull(spent: Account, delta: number): number | null {
  try {
    return spent.epsilon(delta).epsilon;
  } catch (error) {
    if (isTributaryError(error) && error.code === "TRB_DP_EPSILON_UNBOUNDED") return null;
    throw error;
  }
}

const documentOf = ({ accountant }: Common, bound: PrivacyBound) => ({
  epsilon: bound.epsilon,
  delta: bound.delta,
  accountant,
  adjacency: "add-or-remove-one",
  atLeast: bound.lower,
  order: bound.order,
  widened: bound.widened,
});

function printBound(options: Common, bound: PrivacyBound): void {
  print(options.json, documentOf(options, bound), () => [sentence(options, bound)]);
}

function sentence({ accountant }: Common, { epsilon, delta, lower, widened }: PrivacyBound): string {
  const known = lower === null ? "" : `; not below ${lower.toFixed(6)}`;
  const remarks = widened.length === 0 ? "" : ` (larger than need be: ${widened.join("; ")})`;
  return `ε = ${epsilon.toFixed(6)} at δ = ${delta} (${accountant}, add or remove one customer${known})${remarks}`;
}

const described = ({ mechanism, samplingRate, noise, steps, group }: Release): string =>
  `${steps} × ${mechanism}, q = ${samplingRate}, z = ${noise}${group === 1 ? "" : `, group of ${group}`}`;
