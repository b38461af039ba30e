#!/usr/bin/env python3
"""A second verifier of Tributary's ledgers, for auditors who don't want to trust the first one.

    python3 verify.py [--key FINGERPRINT] [--head HASH] [--json] ledger.jsonl ...

Written from the documents (docs/protocol.md, docs/privacy/); it shares no code with `tributary ledger verify`. Python 3.9 or
later, the standard library alone, no network. README.md beside this file says what is checked and what is not.
Exit code: 0 everything that is checked here holds, 4 something doesn't, 1 a file can't be read, 2 wrong usage.
"""
import argparse
import hashlib
import json
import math
import re
import struct
import sys
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache

# ── Ed25519, strictly: RFC 8032 §5.1, without the cofactor ──

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1
NEUTRAL = (0, 1, 1, 0)

def decode_point(octets):
    """(X, Y, Z, T) of 32 octets, or None: y not below p, a sign on x = 0, or no point of the curve (§5.1.3)."""
    number = int.from_bytes(octets, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= P:
        return None
    u, v = y * y - 1, D * y * y + 1
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * ROOT % P
    if (v * x * x - u) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P

def prepared(point):
    """A point in the form in which `add` takes the second one."""
    x, y, z, t = point
    return (y + x) % P, (y - x) % P, 2 * z % P, 2 * D * t % P

def add(point, other):
    """The complete addition of §5.1.4."""
    x, y, z, t = point
    plus, minus, twice, product = other
    a, b, c, d = (y - x) * minus % P, (y + x) * plus % P, t * product % P, z * twice % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

WINDOW = 6

class Multiples:
    """Of one point, so that a scalar times it is 43 additions: the same few keys sign everything."""

    def __init__(self, point):
        self.rows = []
        for _ in range(-(-253 // WINDOW)):
            row, sum_, step = [None], point, prepared(point)
            for _ in range(2**WINDOW - 1):
                row.append(prepared(sum_))
                sum_ = add(sum_, step)
            self.rows.append(row)
            point = sum_

    def added(self, sum_, scalar):
        """sum_ + scalar · point"""
        for row in self.rows:
            digit = scalar & (2**WINDOW - 1)
            if digit:
                sum_ = add(sum_, row[digit])
            scalar >>= WINDOW
        return sum_

def multiples_of_key(key):
    """Of -A, or None for a key that is not canonical, not on the curve, or of small order."""
    if key not in KEYS:
        point = decode_point(key)
        eightfold = point
        for _ in range(3 if point else 0):
            eightfold = add(eightfold, prepared(eightfold))
        if point is None or (eightfold[0] == 0 and eightfold[1] == eightfold[2]):
            KEYS[key] = None
        else:
            x, y, z, t = point
            KEYS[key] = Multiples((P - x, y, z, P - t))
    return KEYS[key]

KEYS = {}
BASE = Multiples(decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")))

def signed(message, signature, key):
    """Whether S < L and S·B - k·A, written canonically, is R: so R is canonical too."""
    if len(signature) != 64 or len(key) != 32:
        return False
    s, table = int.from_bytes(signature[32:], "little"), multiples_of_key(key)
    if s >= L or table is None:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    x, y, z, _ = table.added(BASE.added(NEUTRAL, s), k)
    inverse = pow(z, P - 2, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little") == signature[:32]

# ── Canonical JSON (RFC 8785, of numbers only integers below 2^53), hashes, the tree (RFC 6962 §2.1) ──

def ordered(value):
    if type(value) is dict:
        return {name: ordered(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    return [ordered(member) for member in value] if type(value) is list else value

def canonical(value):
    return json.dumps(ordered(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

def sha256(octets):
    return hashlib.sha256(octets).hexdigest()

def number(text):
    value = float(text)
    if not value.is_integer() or abs(value) >= 2**53:
        raise ValueError("a number that is no integer below 2^53")
    return int(value)

def parsed(line):
    """The value of a line, and whether the line is its one form: no key twice or out of order, no space, no other spelling."""
    value = json.loads(line.decode("utf-8"), parse_int=number, parse_float=number, parse_constant=number)
    return value, canonical(value) == line

class Tree:
    def __init__(self):
        self.perfect = []  # (leaves, root) of the largest perfect subtrees, from left to right

    def append(self, line):
        self.perfect.append((1, hashlib.sha256(b"\0" + line).digest()))
        while len(self.perfect) > 1 and self.perfect[-1][0] == self.perfect[-2][0]:
            (leaves, right), (_, left) = self.perfect.pop(), self.perfect.pop()
            self.perfect.append((2 * leaves, hashlib.sha256(b"\1" + left + right).digest()))

    def root(self):
        roots = [root for _, root in self.perfect] or [hashlib.sha256().digest()]
        while len(roots) > 1:
            right, left = roots.pop(), roots.pop()
            roots.append(hashlib.sha256(b"\1" + left + right).digest())
        return roots[0].hex()

# ── The form of entries: docs/protocol.md, "The ledger" ──

def text(pattern):
    return lambda value: type(value) is str and re.fullmatch(pattern, value, re.ASCII | re.DOTALL) is not None

def integer(low, high=2**53 - 1):
    return lambda value: type(value) is int and low <= value <= high

def one_of(*choices):
    return lambda value: type(value) is str and value in choices

def listed(form, most, least=0):
    return lambda value: type(value) is list and least <= len(value) <= most and all(map(form, value))

def record(fields, optional=(), more=False):
    """These fields, of which some may be missing, and others only where `more`: those are nothing that is checked here."""
    return lambda value: (
        type(value) is dict
        and all(name in value or name in optional for name in fields)
        and all(fields[name](member) if name in fields else more for name, member in value.items())
    )

def moment(pattern):
    def is_moment(value):
        try:
            return text(pattern)(value) and datetime.fromisoformat(value[:19]) is not None
        except ValueError:
            return False

    return is_moment

def decimal(value):
    fits = text(r"-?(0|[1-9]\d*)(\.\d+)?(e-?\d{1,3})?")(value) and len(value) <= 40
    return fits and abs(int((value + "e0").split("e")[1])) <= 330 and abs(float(value)) <= 1e300

def node(value):
    return name(value) and value != "coordinator"

sha, signature, name = text("[0-9a-f]{64}"), text("[0-9a-f]{128}"), text("[a-z0-9][a-z0-9-]{0,62}")
words, role, version = text(".{0,256}"), text("[a-z][a-z0-9-]{0,31}"), text(r"(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})")
count, positive, nodes = integer(0), integer(1), listed(node, 10_000)
some_nodes, signatures = listed(node, 10_000, 1), listed(record({"node": node, "signature": signature}), 10_000)
decimals = listed(decimal, 1000)
REALS = dict.fromkeys(["sensitivity", "nodeVariance", "samplingRate", "noiseMultiplier"], decimal)
mechanism = record({"name": words, "sampler": words, "honestNodes": positive, "bits": integer(1, 31), **REALS}, ["bits"])
spent = record({"charged": listed(count, 64), "orders": listed(positive, 1000), "rdp": decimals, "epsilon": decimal})
of_member = {"node": node, "key": sha, "kind": one_of("merchant", "device"), "signature": signature}
member, rotated = record(of_member), record({**of_member, "previousSignature": signature})
release = record({
    "kind": one_of("popularity", "pairs", "training", "metrics", "features", "query"),
    "arithmetic": one_of("exact", "bucketed"), "clipNorm": decimal, "scale": decimal, "samplingRate": decimal,
    "noiseMultiplier": decimal, "rounds": positive, "dimension": positive, "touched": positive,
    "packing": record({"bits": integer(1, 31), "squaredSensitivity": positive}),
}, ["packing"], more=True)
judged_by = one_of("hr10", "ndcg10", "mrr")
plan = record({
    "acceptance": record({"metric": judged_by, "tolerance": decimal}),
    "earlyStop": record({"metric": judged_by, "patience": positive, "leastGain": decimal}),
    "promotion": record({"rule": one_of("acceptance", "rounds"), "leastGain": decimal, "every": positive}, ["leastGain", "every"]),
    "federation": name, "coordinatorKey": sha, "initialModelHash": sha, "unit": one_of("customer", "node"),
    "maxMerchantsPerCustomer": positive, "releases": listed(release, 64, 1), "sampler": words,
    "noiseMode": one_of("distributed", "local", "central"), "accountant": one_of("rdp-integer", "lattice"),
    "epsilon": decimal, "delta": decimal, "minCustomers": positive, "minCohort": integer(3), "maxCorrupt": count,
    "threshold": one_of("quorum"), "catalogueProvenance": one_of("public", "dp-selection", "log"), "rosterNotice": integer(1, 1000),
}, ["acceptance", "earlyStop", "promotion", "rosterNotice"], more=True)
time = moment(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
# What operators do: whether there are rounds, and who may come in; those in the middle give somebody a role.
PACING, GRANTING = ("pause", "resume"), ("add-operator", "change-role", "create-token")
ADMITTING = ("invite", "revoke-invite", "remove-operator", "change-password", "revoke-token")
placed = {
    "index": count, "previous": sha, "tree": sha, "software": sha, "kind": words, "signature": signature,
    "at": time,
}
of_round = {
    **placed, "round": positive, "release": count, "planHash": sha, "modelHash": sha, "protocol": version,
    "cohort": nodes, "votes": signatures, "spent": spent,
}
FORMS = {
    "genesis": record({
        **placed, "federation": name, "coordinatorKey": sha, "plan": plan, "planHash": sha, "roster": listed(member, 10_000),
    }),
    "round": record({
        **of_round, "nextModelHash": sha, "h1": sha, "sharers": nodes, "survivors": nodes, "heads": signatures,
        "mechanism": mechanism, "sumHash": sha, "sum": listed(integer(-(2**31), 2**31 - 1), 2**20),
    }, ["protocol", "sum"]),
    "aborted": record({
        **of_round, "h1": lambda value: value is None or sha(value), "code": words, "step": words,
        "charged": lambda value: type(value) is bool, "barred": some_nodes,
    }, ["protocol", "cohort", "barred"]),
    "roster": record({
        **placed, "revoked": nodes, "operator": role, "reason": words, "admitted": listed(member, 10_000, 1),
        "rotated": listed(rotated, 10_000, 1), "from": positive,
    }, ["admitted", "rotated", "from"]),
    "operator": record({
        **placed, "action": one_of(*PACING, *GRANTING, *ADMITTING), "operator": role, "reason": words,
        "subject": text("[a-z0-9][a-z0-9_-]{0,62}"), "role": one_of("viewer", "auditor", "operator"), "done": time,
    }, ["subject", "role", "done"]),
    "erasure": record({**placed, "node": node, "on": moment(r"\d{4}-\d\d-\d\d"), "nodeSignature": signature}),
    "promotion": record({**placed, "modelHash": sha, "rule": one_of("acceptance", "rounds", "operator"), "operator": role}),
    "rollback": record({
        **placed, "modelHash": sha, "optimiser": one_of("reset", "kept"), "operator": role, "reason": words,
    }),
    "closing": record({
        **placed, "reason": words, "rule": one_of("earlyStop"), "modelHash": sha, "rounds": count, "spent": spent,
    }, ["rule"]),
}

# ── What a plan's rounds cost: docs/privacy/rounding.md, proofs.md, accounting.md ──

ORDERS = [*range(2, 64), 128, 256, 512, 1024]
TOLERANCE = 1e-9

@lru_cache(maxsize=10_000)
def renyi(order, rate, noise):
    """Of one sum over Poisson-sampled customers, at an integer order: ln(Σ C(α,i) q^i (1 - q)^(α-i) e^((i²-i)/2z²))/(α - 1),
    with 1 = Σ C(α,i) q^i (1 - q)^(α-i) taken off term by term, so that small costs keep their digits."""
    if rate == 1:
        return order / (2 * noise * noise)
    logs = []
    for i in range(2, order + 1):
        power = (i * i - i) / (2 * noise * noise)
        grown = power + math.log1p(-math.exp(-power)) if power > 1 else math.log(math.expm1(power))
        logs.append(math.log(math.comb(order, i)) + i * math.log(rate) + (order - i) * math.log1p(-rate) + grown)
    top = max(logs)
    log_x = top + math.log(math.fsum(math.exp(log - top) for log in logs))
    return (math.log1p(math.exp(log_x)) if log_x < 30 else log_x + math.exp(-log_x)) / (order - 1)

def epsilon_of_renyi(divergences, delta):
    """min over orders of r + ln(1 - 1/α) - ln(δα)/(α - 1), never below 0 (Canonne, Kamath, Steinke 2020, Prop. 12)."""
    if any(delta * delta + math.expm1(-r) >= 0 for r in divergences):  # total variation is at most √(1 - e^-r)
        return 0.0
    return max(0.0, min(r + math.log1p(-1 / a) - math.log(delta * a) / (a - 1) for a, r in zip(ORDERS, divergences)))

def epsilon_of_gaussian(mu, delta):
    """Least ε, up to 700, with Φ(μ/2 - ε/μ) - e^ε·Φ(-μ/2 - ε/μ) ≤ δ: what continuous noise costs."""
    low, high = 0.0, 700.0
    for _ in range(100 if mu else 0):
        epsilon = (low + high) / 2
        one, other = (math.erfc((epsilon / mu + half) / math.sqrt(2)) / 2 for half in (-mu / 2, mu / 2))
        low, high = (epsilon, high) if one - math.exp(epsilon) * other > delta else (low, epsilon)
    return low

def rounded_up(value):
    """To a multiple of 2^-20."""
    return Fraction(math.ceil(value * 2**20), 2**20)

def root_up(value):
    """√value of a whole number from 1 on, rounded up to a multiple of 2^-20."""
    return Fraction(math.isqrt(value * 2**40 - 1) + 1, 2**20)

def mechanism_of(plan, release):
    """What an entry of this release has to state, in exact fractions; ValueError where that could not be private."""
    rate, noise, clip, scale = (Fraction(release[field]) for field in ("samplingRate", "noiseMultiplier", "clipNorm", "scale"))
    merchants, touched, exact = plan["maxMerchantsPerCustomer"], release["touched"], release["arithmetic"] == "exact"
    if not (0 < rate <= 1 and noise > 0 and clip > 0 and scale > 0):
        raise ValueError("a rate, norm, scale or noise multiplier is out of range")
    if touched > release["dimension"] or (touched < release["dimension"] and not exact):
        raise ValueError("only exact arithmetic can claim that fewer coordinates are touched than there are")
    if "packing" in release:
        if not exact or rate != 1 or merchants != 1 or touched < release["dimension"]:
            raise ValueError("only whole vectors of nodes that aren't sampled are packed")
        squared = release["packing"]["squaredSensitivity"]
        sensitivity = root_up(squared)
    else:
        allowance = 1 if exact else 1 + Fraction(1, 1024)
        sensitivity = rounded_up(merchants * (scale * clip * allowance + root_up(touched)))
        squared = sensitivity**2
    honest = 1 if plan["noiseMode"] == "local" else plan["minCohort"] - plan["maxCorrupt"]
    if honest < 1 or noise**2 * squared < 16 * (max(honest, merchants) if rate < 1 else honest):
        raise ValueError("a share of the noise has a standard deviation below 4")
    return {
        "name": "poisson-discrete-gaussian", "sampler": plan["sampler"], "honestNodes": honest,
        "sensitivity": sensitivity, "nodeVariance": rounded_up(noise**2 * squared / honest),
        "samplingRate": rate, "noiseMultiplier": noise, "bits": release.get("packing", {}).get("bits"),
    }

def near(claimed, expected):
    return abs(Fraction(claimed) - expected) <= Fraction(TOLERANCE) * abs(expected)

def undercuts(claimed, least):
    return float(claimed) < least * (1 - TOLERANCE)

class Costs:
    """Of the rounds of a plan. Where something is paid for besides them, that is a lower bound, and `unchecked` says so."""

    def __init__(self, plan):
        self.plan, self.mechanisms, self.rounds = plan, [mechanism_of(plan, release) for release in plan["releases"]], []
        for release, mechanism in zip(plan["releases"], self.mechanisms):
            rate, noise, times = float(mechanism["samplingRate"]), float(mechanism["noiseMultiplier"]), 1
            if "packing" in release:  # σ/Δ of the noise that was rounded up
                variance = mechanism["nodeVariance"] * mechanism["honestNodes"]
                noise = math.sqrt(variance / release["packing"]["squaredSensitivity"])
            elif rate < 1:  # k merchants who each sample on their own: k rounds at z√k (proofs.md, section 9)
                times = plan["maxMerchantsPerCustomer"]
                noise *= math.sqrt(times)
            self.rounds.append([times * renyi(order, rate, noise) for order in ORDERS])

    def after(self, charged):
        """(divergences, ε) once so many rounds of each release are charged."""
        rdp = [sum(number * costs[i] for number, costs in zip(charged, self.rounds) if number) for i in range(len(ORDERS))]
        if self.plan["accountant"] == "rdp-integer":
            return rdp, epsilon_of_renyi(rdp, float(self.plan["delta"]))
        multipliers = [float(release["noiseMultiplier"]) for release in self.plan["releases"]]
        mu = math.sqrt(sum(number / z**2 for number, z in zip(charged, multipliers)))
        return rdp, epsilon_of_gaussian(mu, float(self.plan["delta"]))

# ── What metrics say of a model: docs/protocol.md, "Models that are kept" ──

QUANTILE = 1.959963984540054  # 97.5 % of the standard normal
METRICS = {"hr10": 1, "ndcg10": 2, "mrr": 3}  # coordinates; 0 counts customers
MODELS = 64  # so many released models may be gone back to

def measured(entry, release, mechanism, metric):
    """(estimate, its 95 % interval) of a ratio of two noisy sums; (None, None) where the noise leaves nothing to say."""
    scale, survivors = float(release["scale"]), len(entry["survivors"])
    numerator, denominator = entry["sum"][METRICS[metric]] / scale, entry["sum"][0] / scale
    noise = math.sqrt(float(mechanism["nodeVariance"] * survivors))
    deviation = math.sqrt(noise * noise + survivors / 4) / scale
    slack = (QUANTILE * deviation) * (QUANTILE * deviation)
    a = denominator * denominator - slack
    if not (denominator > 0 and a > 0):
        return None, None
    root, middle = math.sqrt(slack * (numerator * numerator + denominator * denominator - slack)), numerator * denominator
    ratios = numerator / denominator, (middle - root) / a, (middle + root) / a
    estimate, low, high = (min(1.0, max(0.0, ratio)) for ratio in ratios)
    return estimate, (low, high)

NOT_VERIFIABLE = (
    "that noise was added; that customers were clipped; that sampling was secret; that counts are honest; that the catalogue "
    "is public; that a customer is at no more merchants than stated; that tuning was private"
)

def unchecked_in(plan):
    """What the first verifier recomputes and this one doesn't."""
    found = ["fields of the plan that no cost, quorum or noise depends on: model, caps, optimiser, deadlines, room for the sum"]
    found += ["which software wrote the entries: `software` is a claim"]
    if plan["accountant"] == "lattice":
        found.append("ε by the lattice accountant: held to what continuous Gaussian noise costs, less by two small terms")
    if "selection" in plan:
        found.append("what choosing the recipe cost (`selection`): ε is held to the rounds' alone")
    if "catalogueParts" in plan:
        found.append("parts of the catalogue, their signatures, and what selecting them cost: ε is held to the rounds' alone")
    if any("packing" in release for release in plan["releases"]):
        found.append("packed releases: what the exact formula costs beyond Gaussian noise, and whether Δ covers the rounding")
    return found

# ── One file ──

def ascending(nodes):
    return all(a < b for a, b in zip(nodes, nodes[1:]))

def instant(at):
    """A time that compares, whatever its fraction of a second."""
    return at[:19], at[19:-1].ljust(10, "0")

def verify(statement, signature, key):
    return signed(canonical(statement), bytes.fromhex(signature), bytes.fromhex(key))

class Ledger:
    def __init__(self, head):
        self.head, self.reached, self.findings = head, False, []
        self.entries, self.previous, self.tree = 0, "0" * 64, Tree()
        self.genesis = self.costs = self.model = self.last = self.spent = None
        self.closed = self.paused = False
        self.last_round, self.charged, self.counts = 0, [], {"released": 0, "abortedCharged": 0, "abortedRefunded": 0}
        self.keys, self.members, self.gone, self.erased, self.h1s = {}, {}, set(), {}, set()
        # what metrics kept: (model, interval); what training may go back to; the best estimate, and looks since then
        self.kept, self.models, self.best, self.stale = None, [], None, 0
        self.promoted, self.trained = None, 0  # (model, lower end, kept by then), and rounds of training since then

    def find(self, code, reason, entry=None):
        entry = self.entries if entry is None else entry
        self.findings.append({"entry": entry, "line": entry + 1, "code": "TRB_LEDGER_" + code, "reason": reason})

    def wrong_if(self, fails, code, reason):
        if fails:
            self.find(code, reason)

    def take(self, line):
        """One line without its line feed, held to all before it. Whatever is in it, this comes back."""
        try:
            self.check(line)
        except Exception as error:  # what can't be checked doesn't hold
            self.find("LINE_INVALID", "it can't be checked: " + type(error).__name__)
        self.previous = sha256(line)
        self.reached = self.reached or self.previous == self.head
        self.tree.append(line)
        self.entries += 1

    def check(self, line):
        try:
            entry, is_canonical = parsed(line)
        except (ValueError, RecursionError) as error:
            return self.find("LINE_INVALID", "it is not JSON that a ledger may hold: " + str(error)[:80])
        kind = entry.get("kind") if type(entry) is dict else None
        if type(kind) is not str or kind not in FORMS or not FORMS[kind](entry):
            return self.find("LINE_INVALID", "it is not an entry of a known kind and form")
        if not is_canonical:
            return self.find("NOT_CANONICAL", "its bytes are not the canonical ones")
        self.wrong_if(entry["index"] != self.entries, "CHAIN_BROKEN", "its index is not its place")
        self.wrong_if(entry["previous"] != self.previous, "CHAIN_BROKEN", "previous is not the hash of the entry before it")
        self.wrong_if(entry["tree"] != self.tree.root(), "TREE_WRONG", "tree is not the root over the entries before it")
        late = self.last is not None and instant(entry["at"]) < instant(self.last["at"])
        self.wrong_if(late, "CLOCKS_DISAGREE", "it is older than the entry before it")
        self.wrong_if(self.closed, "AFTER_CLOSING", "the ledger was closed before it")
        self.last = entry
        if kind != "genesis" and self.genesis is None:
            return self.find("NO_GENESIS", "nothing before it says by whom and on what plan it is")
        self.genesis = self.genesis or entry
        unsigned = {name: value for name, value in entry.items() if name != "signature"}
        ours = verify(unsigned, entry["signature"], self.genesis["coordinatorKey"])
        self.wrong_if(not ours, "SIGNATURE_INVALID", "it is not signed by the coordinator")
        if kind != "genesis":
            self.keys = self.keys_at(entry.get("round", self.last_round + 1))
            getattr(self, "check_" + kind)(entry)
        elif entry is self.genesis:
            self.check_genesis(entry)
        else:
            self.find("SECOND_GENESIS", "a genesis entry stands after the first entry")

    def by(self, node, statement, signature):
        """Whether a member of the roster signed it."""
        return node in self.keys and verify(statement, signature, self.keys[node])

    def quorum(self, nodes):
        """Two choices can't both have so many votes."""
        return (nodes + self.genesis["plan"]["maxCorrupt"]) // 2 + 1

    def check_genesis(self, entry):
        plan, roster = entry["plan"], entry["roster"]
        self.model, self.charged = plan["initialModelHash"], [0] * len(plan["releases"])
        self.models = [self.model]
        self.keys = {member["node"]: member["key"] for member in roster}
        self.members = {member["node"]: [(1, member)] for member in roster}
        same = entry["federation"] == plan["federation"] and entry["coordinatorKey"] == plan["coordinatorKey"]
        self.wrong_if(not same, "GENESIS_INVALID", "federation or coordinator key are not the plan's")
        self.wrong_if(entry["planHash"] != sha256(canonical(plan)), "GENESIS_INVALID", "planHash is not the plan's")
        self.wrong_if(len(roster) < plan["minCohort"], "ROSTER_INVALID", "it has too few members for a round")
        self.wrong_if(not ascending([member["node"] for member in roster]), "ROSTER_INVALID", "it is not ascending")
        keys = {member["key"] for member in roster} | {plan["coordinatorKey"]}
        self.wrong_if(len(keys) != len(roster) + 1, "ROSTER_INVALID", "one key stands for two")
        for member in roster:
            claim = {"federation": entry["federation"], **member}
            del claim["signature"]
            if not verify(claim, member["signature"], member["key"]):
                self.find("ROSTER_INVALID", member["node"] + " did not sign its membership")
        self.check_plan(plan)

    def check_plan(self, plan):
        corrupt, cohort, lattice = plan["maxCorrupt"], plan["minCohort"], plan["accountant"] == "lattice"
        possible = 0 < Fraction(plan["delta"]) * plan["minCustomers"] < 1
        self.wrong_if(not possible, "PLAN_REFUSED", "δ is not between 0 and one over the number of customers")
        self.wrong_if(plan["noiseMode"] == "central", "PLAN_REFUSED", "noise is central")
        self.wrong_if(corrupt >= min(cohort, self.quorum(cohort)), "PLAN_REFUSED", "corrupt nodes alone could be a round")
        samples = any(Fraction(release["samplingRate"]) != 1 for release in plan["releases"])
        self.wrong_if(samples and lattice, "PLAN_REFUSED", "the lattice accountant bounds no sampled release")
        self.wrong_if(lattice and "selection" in plan, "PLAN_REFUSED", "the lattice accountant bounds no selection")
        visible = plan["unit"] == "node" and (samples or plan["maxMerchantsPerCustomer"] != 1)
        self.wrong_if(visible, "PLAN_REFUSED", "nodes that take part are seen: nothing is sampled")
        try:
            self.costs = Costs(plan)
            _, epsilon = self.costs.after([release["rounds"] for release in plan["releases"]])
        except (ValueError, ArithmeticError) as error:
            return self.find("PLAN_REFUSED", str(error))
        stated = float(plan["epsilon"]) > 0 and not undercuts(plan["epsilon"], epsilon)
        self.wrong_if(not stated, "PLAN_REFUSED", f"ε is stated as {plan['epsilon']}, its rounds cost {epsilon:.12g}")

    def check_place(self, entry):
        """What holds for a round, released or given up."""
        known, cohort = len(self.genesis["plan"]["releases"]), set(entry.get("cohort", []))
        self.wrong_if(entry["planHash"] != self.genesis["planHash"], "PLAN_MISMATCH", "it is bound to another plan")
        self.wrong_if(entry["round"] <= self.last_round, "ROUND_REPEATED", f"it comes after round {self.last_round}")
        self.last_round = max(self.last_round, entry["round"])
        # the hash of adverts that are signed over the round's number
        self.wrong_if(entry["h1"] in self.h1s, "H1_REPEATED", "its h1 is that of an earlier round")
        self.h1s |= {entry["h1"]} - {None}
        self.wrong_if(entry["release"] >= known, "RELEASE_UNKNOWN", "the plan has no such release")
        self.wrong_if(entry["modelHash"] != self.model, "MODEL_CHAIN_BROKEN", "it starts from another model than was left")
        self.wrong_if(self.gone & cohort, "BARRED_INVALID", "it has a node that takes part no longer")
        self.wrong_if(self.paused, "OPERATOR_INVALID", "a round while rounds are paused")
        self.wrong_if(self.due(), "PROMOTION_MISSING", "by the plan's rule a model had to be put forward before")
        self.wrong_if(self.stopped(), "EARLY_STOP_INVALID", "a round follows, although training had ended")

    def check_nested(self, *sets):
        for (name, inner), (outer_name, outer) in zip(sets, [*sets[1:], ("roster", self.keys)]):
            self.wrong_if(not ascending(inner), "SETS_INVALID", name + " is not strictly ascending")
            self.wrong_if(not set(inner) <= set(outer), "SETS_INVALID", f"{name} is not within {outer_name}")

    def check_votes(self, entry, electorate, choice):
        """Each vote's signature over the message that follows from the entry; everybody has one."""
        voters = [vote["node"] for vote in entry["votes"]]
        self.wrong_if(not ascending(voters), "VOTES_INVALID", "they are not strictly ascending by node")
        message = {name: entry[name] for name in ("planHash", "modelHash", "round")}
        message.update(federation=self.genesis["plan"]["federation"], step="vote", version=entry.get("protocol", "1.0"))
        message["body"] = {"h1": entry["h1"], "choice": choice}
        for node, vote in zip(voters, entry["votes"]):
            genuine = node in electorate and self.by(node, {**message, "sender": node}, vote["signature"])
            self.wrong_if(not genuine, "VOTES_INVALID", node + " did not vote for this")

    def check_round(self, entry):
        plan, cohort, survivors = self.genesis["plan"], entry["cohort"], entry["survivors"]
        sets, quorum = {name: entry[name] for name in ("sharers", "survivors")}, self.quorum(len(cohort))
        self.check_place(entry)
        self.check_nested(("survivors", survivors), ("sharers", sets["sharers"]), ("cohort", cohort))
        enough = len(cohort) >= plan["minCohort"] and len(survivors) >= max(plan["minCohort"], quorum)
        self.wrong_if(not enough, "COHORT_TOO_SMALL", f"{len(survivors)} survivors of {len(cohort)} are too few")
        by_hash = "graph" in plan and len(cohort) > 150
        choice = {"for": "sets", "sha256": sha256(canonical(sets))} if by_hash else {"for": "survivors", **sets}
        self.check_votes(entry, set(survivors), choice)
        self.wrong_if(len(entry["votes"]) < quorum, "QUORUM_MISSING", f"{len(entry['votes'])} votes, a quorum is {quorum}")
        self.check_heads(entry)
        if self.costs and entry["release"] < len(plan["releases"]):
            for name, expected in self.costs.mechanisms[entry["release"]].items():
                stated = entry["mechanism"].get(name)
                same = near(stated, expected) if name in REALS else stated == expected
                self.wrong_if(not same, "MECHANISM_MISMATCH", f"the mechanism's {name} is not the plan's")
            self.check_sum(entry, plan["releases"][entry["release"]])
            self.take_course(entry, plan["releases"][entry["release"]])
        self.model = entry["nextModelHash"]
        self.counts["released"] += 1
        self.charge(entry, True)

    def check_heads(self, entry):
        """Every node of the round had taken in all entries before this one."""
        nodes = [head["node"] for head in entry["heads"]]
        self.wrong_if(nodes != entry["cohort"], "HEADS_INVALID", "they are not those of the cohort, in its order")
        statement = {"purpose": "head taken in", "federation": self.genesis["plan"]["federation"]}
        statement.update(entries=entry["index"], head=entry["previous"])
        for node, head in zip(nodes, entry["heads"]):
            genuine = self.by(node, {**statement, "node": node}, head["signature"])
            self.wrong_if(not genuine, "HEADS_INVALID", node + " did not countersign the entries before this one")

    def check_sum(self, entry, release):
        kind, stated = release["kind"], entry.get("sum")
        if kind not in ("metrics", "features", "query"):
            return self.wrong_if(stated is not None, "SUM_MISMATCHED", "only its hash stands in an entry")
        octets = struct.pack(f"<{len(stated)}i", *stated) if stated else b""
        genuine = len(octets) == 4 * release["dimension"] and sha256(octets) == entry["sumHash"]
        self.wrong_if(not genuine, "SUM_MISMATCHED", "it is not there, or has another length or hash")
        judges = kind == "metrics" and "acceptance" in self.genesis["plan"] and stated is not None
        left = self.keep(entry, release) if judges else entry["modelHash"]
        self.wrong_if(entry["nextModelHash"] != left, "SUM_MISMATCHED", "by the plan it leaves another model")

    def keep(self, entry, release):
        """The model that metrics leave by the plan's acceptance: theirs, unless it is clearly worse than the one kept last."""
        rule = self.genesis["plan"]["acceptance"]
        if not self.kept or self.kept[0] != entry["modelHash"]:
            _, interval = measured(entry, release, self.costs.mechanisms[entry["release"]], rule["metric"])
            known = self.kept and self.kept[1]
            if not known or (interval and interval[1] >= known[0] - float(rule["tolerance"])):
                self.kept = (entry["modelHash"], interval)
        return self.kept[0]

    def take_course(self, entry, release):
        """What the entry decides about those after it."""
        plan, kind, model = self.genesis["plan"], release["kind"], entry["nextModelHash"]
        if kind in ("popularity", "pairs"):
            self.models = [model]
        elif kind == "training":
            self.models = [*(known for known in self.models if known != model), model][-MODELS:]
            self.trained += 1
        elif kind == "metrics" and "earlyStop" in plan and "sum" in entry:
            rule = plan["earlyStop"]
            estimate, _ = measured(entry, release, self.costs.mechanisms[entry["release"]], rule["metric"])
            if estimate is not None and (self.best is None or estimate >= self.best + float(rule["leastGain"])):
                self.best, self.stale = estimate, 0
            else:
                self.stale += 1

    def stopped(self):
        rule = self.genesis["plan"].get("earlyStop")
        return rule is not None and self.stale >= rule["patience"]

    def due(self):
        """The rule by which a promotion is to be written before anything else follows, or None."""
        rule = self.genesis["plan"].get("promotion")
        if rule is None:
            return None
        if rule["rule"] == "rounds":
            return "rounds" if self.trained >= rule["every"] else None
        promoted, least, at_kept = self.promoted or (None, None, None)
        if not self.kept or self.kept[0] in (promoted, at_kept):
            return None
        lower = self.kept[1] and self.kept[1][0]
        short = least is not None and (lower is None or lower < least + float(rule["leastGain"]))
        return None if short else "acceptance"

    def check_aborted(self, entry):
        cohort, barred, charged = entry.get("cohort", list(self.keys)), entry.get("barred"), entry["charged"]
        self.check_place(entry)
        self.check_nested(("cohort", cohort))
        if entry["votes"] and entry["h1"] is None:
            self.find("VOTES_INVALID", "they are for no round")
        elif entry["votes"]:
            self.check_votes(entry, set(cohort), {"for": "abort"})
        # before step 3 no vector can have left a node
        free = entry["step"] in ("keys", "reveal", "shares")
        voted = len(entry["votes"]) >= self.quorum(max(len(cohort), self.genesis["plan"]["minCohort"]))
        self.wrong_if(not (charged or free or voted), "REFUND_UNFOUNDED", "it is not charged, and no quorum voted to abort")
        if barred is not None:
            fit = ascending(barred) and set(barred) <= set(entry.get("cohort", []))
            fit = fit and entry["step"] == "reveal" and not charged
            self.wrong_if(not fit, "BARRED_INVALID", "it bars nodes that it may not bar")
            self.gone |= set(barred)
        self.counts["abortedCharged" if charged else "abortedRefunded"] += 1
        self.charge(entry, charged)

    def charge(self, entry, counts):
        if counts and entry["release"] < len(self.charged):
            self.charged[entry["release"]] += 1
        self.check_spent(entry["spent"])

    def check_spent(self, spent):
        self.spent = spent
        self.wrong_if(spent["charged"] != self.charged, "CHARGE_WRONG", "the entries add up to other rounds charged")
        for number, release in zip(self.charged, self.genesis["plan"]["releases"]):
            self.wrong_if(number > release["rounds"], "ROUNDS_EXCEEDED", f"{number} rounds, {release['rounds']} permitted")
        if self.costs is None:
            return self.find("PLAN_REFUSED", "nothing says what its rounds cost")
        rdp, epsilon = self.costs.after(self.charged)
        whole = spent["orders"] == ORDERS and len(spent["rdp"]) == len(ORDERS)
        less = not whole or any(map(undercuts, spent["rdp"], rdp))
        self.wrong_if(less, "EPSILON_UNDERSTATED", "a Rényi divergence is missing, or less than the rounds cost")
        less = undercuts(spent["epsilon"], epsilon)
        self.wrong_if(less, "EPSILON_UNDERSTATED", f"ε is stated as {spent['epsilon']}, the rounds cost {epsilon:.12g}")

    def check_roster(self, entry):
        """Names and keys are used once; whoever comes, or has another key, counts after the notice, and has signed for it."""
        lists = [entry["revoked"], entry.get("admitted", []), entry.get("rotated", [])]
        names = [lists[0], *[[member["node"] for member in members] for members in lists[1:]]]
        revoked, federation, start = set(lists[0]), self.genesis["plan"]["federation"], entry.get("from")
        fit = all(map(ascending, names)) and any(lists) and revoked <= set(self.members) and not revoked & self.gone
        self.wrong_if(not fit, "ROSTER_CHANGE_INVALID", "it changes nothing, or revokes who is no member, or twice")
        least = self.last_round + 1 + self.genesis["plan"].get("rosterNotice", 1)
        timely = start >= least if start is not None and any(lists[1:]) else start is None and not any(lists[1:])
        self.wrong_if(not timely, "ROSTER_CHANGE_INVALID", f"round {least} is the first that it may change")
        used = {member["key"] for known in self.members.values() for _, member in known} | {self.genesis["coordinatorKey"]}
        for member in lists[1] + lists[2]:
            node, key = member["node"], member["key"]
            self.wrong_if(key in used, "ROSTER_CHANGE_INVALID", f"the key of {node} was used before")
            used.add(key)
            claim = {"federation": federation, "node": node, "key": key, "kind": member["kind"]}
            genuine = verify(claim, member["signature"], key)
            if "previousSignature" in member:
                latest = self.members[node][-1][1] if node in self.keys else {}
                claim = {"purpose": "rotation", "federation": federation, "node": node, "key": key, "previous": self.keys.get(node)}
                genuine = genuine and self.by(node, claim, member["previousSignature"]) and node not in self.gone | revoked
                genuine = genuine and latest["key"] == self.keys[node] and latest["kind"] == member["kind"]
            else:
                genuine = genuine and node not in self.members
            self.wrong_if(not genuine, "ROSTER_CHANGE_INVALID", f"{node} did not sign it, or can't be admitted or have another key")
        for member in lists[1] + lists[2] if start is not None else []:
            self.members.setdefault(member["node"], []).append((start, member))
        self.wrong_if(len(self.members) > 10_000, "ROSTER_CHANGE_INVALID", "it has too many members")
        self.gone |= revoked

    def keys_at(self, number):
        """Of the members of a round, by what was admitted and rotated up to it."""
        inforce = {node: [member for start, member in known if start <= number] for node, known in self.members.items()}
        return {node: inforce[node][-1]["key"] for node in sorted(inforce) if inforce[node]}

    def check_operator(self, entry):
        action, pacing = entry["action"], entry["action"] in PACING
        expected = set() if pacing else {"subject", "done"} | ({"role"} if action in GRANTING else set())
        wrong = {"subject", "done", "role"} & set(entry) != expected or (pacing and (action == "pause") == self.paused)
        self.wrong_if(wrong, "OPERATOR_INVALID", action + " changes nothing, or says too much or too little")
        done, written = (datetime.fromisoformat(time[:19]) for time in (entry.get("done", entry["at"]), entry["at"]))
        self.wrong_if(done > written + timedelta(days=1), "CLOCKS_DISAGREE", "it was done after the entry")
        self.paused = action == "pause" if pacing else self.paused

    def check_erasure(self, entry):
        node, on, federation = entry["node"], entry["on"], self.genesis["plan"]["federation"]
        claim = {"purpose": "erasure", "federation": federation, "node": node, "on": on}
        genuine = self.by(node, claim, entry["nodeSignature"]) and on > self.erased.get(node, "")
        self.wrong_if(not genuine, "ERASURE_INVALID", node + " did not sign it, or said so of a later day")
        early = datetime.fromisoformat(on) > datetime.fromisoformat(entry["at"][:19]) + timedelta(days=1)
        self.wrong_if(early, "CLOCKS_DISAGREE", "it is signed for a day after the entry")
        self.erased[node] = on

    def check_promotion(self, entry):
        model, rule = entry["modelHash"], entry["rule"]
        named = self.kept and self.kept[0] if rule == "acceptance" else self.model
        wrong = model != named or (rule == "rounds" and self.due() != "rounds")
        self.wrong_if(wrong, "PROMOTION_INVALID", "it is not the model that the rule names")
        interval = self.kept and self.kept[0] == model and self.kept[1]
        self.promoted, self.trained = (model, interval[0] if interval else None, self.kept and self.kept[0]), 0

    def check_rollback(self, entry):
        model = entry["modelHash"]
        kept = self.kept is not None and self.kept[0] == model
        fit = model in self.models and model != self.model and (kept or entry["optimiser"] == "reset")
        self.wrong_if(not fit or self.stopped(), "ROLLBACK_INVALID", "training can't go back to that, or not like that")
        self.model, self.kept = model, self.kept if kept else None
        self.best, self.stale, self.trained = None, 0, 0

    def check_closing(self, entry):
        self.wrong_if(entry["modelHash"] != self.model, "MODEL_CHAIN_BROKEN", "it names another model than was left")
        self.wrong_if(self.due(), "PROMOTION_MISSING", "by the plan's rule a model had to be put forward before")
        fit, rule = ("rule" in entry) == self.stopped(), self.genesis["plan"].get("earlyStop", {})
        if fit and self.stopped():
            words = f"early stop: {rule['patience']} releases of metrics in a row brought no gain in {rule['metric']}"
            fit = entry["reason"] == words
        self.wrong_if(not fit, "EARLY_STOP_INVALID", "whether the plan's rule ended it, and in which words, isn't as stated")
        counted = self.counts["released"]
        self.wrong_if(entry["rounds"] != counted, "CLOSING_WRONG", f"it counts {entry['rounds']} rounds, there are {counted}")
        self.closed = True
        self.check_spent(entry["spent"])

    def verdict(self, path, key):
        known = self.genesis and sha256(bytes.fromhex(self.genesis["coordinatorKey"]))
        if self.head and not self.reached:
            self.find("HEAD_MISMATCH", "no entry has that hash: the file was cut off or rewritten", max(self.entries - 1, 0))
        if key and known != key:
            self.find("KEY_MISMATCH", "it is another coordinator's: the fingerprint is not the one that was given", 0)
        self.findings.sort(key=lambda finding: finding["entry"])
        plan, verified = (self.genesis or {}).get("plan", {}), not self.findings
        at_head, pinned = self.head == self.previous, bool(key) and known == key
        complete = self.closed or at_head
        end = "proven" if pinned or at_head else "closed, by an unpinned key"  # as whoever made the file could close it
        return {
            "file": path, "verified": verified, "fullyVerified": bool(verified and key and complete),
            "trust": "pinned" if pinned else "unpinned", "complete": complete,
            "completeness": end if complete and verified else "unproven", "entries": self.entries,
            "findings": self.findings, "head": self.previous, "key": known, "writtenAt": self.last and self.last["at"],
            "rounds": self.counts, "epsilon": self.spent and self.spent["epsilon"], "delta": plan.get("delta"),
            "limit": plan.get("epsilon"), "accountant": plan.get("accountant"),
            "conditional": "catalogue treated as public" if plan.get("catalogueProvenance") == "log" else None,
            "unchecked": unchecked_in(plan) if plan else ["everything"], "notVerifiable": NOT_VERIFIABLE,
        }

LONGEST = 16_000_000  # octets of a line

def verify_file(path, key=None, head=None):
    ledger = Ledger(head)
    with open(path, "rb") as file:
        line = file.readline(LONGEST)
        while line:
            ledger.take(line[:-1] if line.endswith(b"\n") else line)
            if not line.endswith(b"\n"):
                ledger.find("UNTERMINATED", "the line does not end with a line feed, or is far too long", ledger.entries - 1)
            if ledger.genesis is None or not line.endswith(b"\n"):
                break  # without a plan nothing after it can be held to anything
            line = file.readline(LONGEST)
    ledger.wrong_if(ledger.entries == 0, "EMPTY", "there are no entries")
    return ledger.verdict(path, key)

def spoken(verdict):
    """For people."""
    lines = [f"{verdict['file']}: " + ("everything that is checked here holds" if verdict["verified"] else "NOT VERIFIED")]
    lines += [f"  entry {f['entry']} (line {f['line']}): {f['code']}: {f['reason']}" for f in verdict["findings"][:20]]
    if len(verdict["findings"]) > 20:
        lines.append(f"  and {len(verdict['findings']) - 20} more")
    trust = "whose fingerprint was given" if verdict["trust"] == "pinned" else "which nobody vouched for: give --key"
    lines.append(f"  signed by the key {verdict['key']}, {trust}")
    complete = "completeness: " + verdict["completeness"]
    complete += "" if verdict["complete"] else " (give --head, or have the ledger closed)"
    lines.append(f"  {verdict['entries']} entries, the last of {verdict['writtenAt']}, head {verdict['head']}; {complete}")
    lines.append(f"  stated: ε = {verdict['epsilon']} of {verdict['limit']} at δ = {verdict['delta']}, {verdict['rounds']}")
    if verdict["conditional"]:
        lines.append("  on one condition: " + verdict["conditional"])
    lines += ["  unchecked: " + what for what in verdict["unchecked"]]
    lines.append("  no file can show: " + verdict["notVerifiable"])
    return "\n".join(lines)

def main():
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = argparse.ArgumentParser(description="Verifies ledgers of Tributary, independently of its own verifier.")
    parser.add_argument("files", nargs="+", metavar="ledger.jsonl")
    parser.add_argument("--key", type=str.lower, help="fingerprint of the coordinator's key, obtained elsewhere")
    parser.add_argument("--head", type=str.lower, help="hash of the last entry, obtained elsewhere")
    parser.add_argument("--json", action="store_true", help="one line of JSON a file")
    options, code = parser.parse_args(), 0
    for path in options.files:
        try:
            verdict = verify_file(path, options.key, options.head)
            print(json.dumps(verdict, ensure_ascii=False) if options.json else spoken(verdict), flush=True)
            code = code if verdict["verified"] else 4
        except BrokenPipeError:  # whoever listens has heard enough
            sys.stderr.close()
            return code
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
            code = code or 1
    return code

if __name__ == "__main__":
    sys.exit(main())
