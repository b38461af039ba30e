/**
 * The doctor's findings in Chinese. The server says them in English, in a few forms of words: each is recognised and said again with its own figures.
 * What isn't recognised, such as a newer server's words or an error's code, stays as the server said it.
 */
import { say, type Text } from "../../shared/language.ts";
import { phaseWords } from "../words.ts";

const names: Readonly<Record<string, Text>> = {
  keys: { en: "keys", zh: "密钥" },
  disk: { en: "disk", zh: "磁盘" },
  "disk of blobs": { en: "disk of blobs", zh: "对象存储磁盘" },
  certificate: { en: "certificate", zh: "证书" },
  database: { en: "database", zh: "数据库" },
  schema: { en: "schema", zh: "数据库结构" },
  federation: { en: "federation", zh: "联邦" },
  identity: { en: "identity", zh: "身份" },
  clock: { en: "clock", zh: "时钟" },
  leader: { en: "leader", zh: "主副本" },
  rounds: { en: "rounds", zh: "轮次" },
  invites: { en: "invites", zh: "邀请" },
  jobs: { en: "jobs", zh: "任务" },
  blobs: { en: "blobs", zh: "对象存储" },
  models: { en: "models", zh: "模型" },
  uploads: { en: "uploads", zh: "上传" },
};
export const checkName = (name: string): string => {
  const text = names[name];
  return text === undefined ? name : say(text);
};

const units: Readonly<Record<string, string>> = { s: "秒", min: "分钟", h: "小时", days: "天" };
/** `duration` of the coordinator's findings: "42 s", "3 min", "5 h", "17 days". */
const time = "(\\d+) (s|min|h|days)";
const inTime = (figure = "", unit = ""): string => `${figure} ${units[unit] ?? unit}`;

/** "released", "given up (CODE)" or "under way", of the last round. */
const outcome = (words = ""): string =>
  words === "released" ? "已发布" : words === "under way" ? "进行中" : words.replace(/^given up \((.*)\)$/, "已放弃（$1）");

const forms: readonly { readonly form: RegExp; zh(...parts: (string | undefined)[]): string }[] = [
  { form: /^readable by their owner only$/, zh: () => "仅属主可读" },
  { form: /^others may enter their folder \(mode (\d+)\)$/, zh: (mode) => `其他用户可进入密钥文件夹（权限 ${mode}）` },
  { form: /^the plan's key, fingerprint (\w+)$/, zh: (print) => `与计划的密钥一致，指纹 ${print}` },
  { form: /^another key than the plan's, fingerprint (\w+)$/, zh: (print) => `与计划的密钥不一致，指纹 ${print}` },
  { form: /^([\d.]+) GiB free, (\d+) %$/, zh: (free, share) => `剩余 ${free} GiB（${share} %）` },
  { form: new RegExp(`^expires in ${time}$`), zh: (...left) => `${inTime(...left)}后过期` },
  { form: new RegExp(`^expired ${time} ago$`), zh: (...past) => `已于 ${inTime(...past)}前过期` },
  {
    form: /^(\w+), (.+), answers in (\d+) ms$/s,
    zh: (engine, where, took) => `${engine}，${where}，${took} 毫秒内响应`,
  },
  { form: /^version (\d+)$/, zh: (version) => `版本 ${version}` },
  { form: /^there are no tables$/, zh: () => "没有数据表" },
  {
    form: /^version (\d+), this program knows (\d+)$/,
    zh: (version, known) => `版本 ${version}，此程序支持到 ${known}`,
  },
  { form: new RegExp(`^within ${time} of the database's$`), zh: (...apart) => `与数据库时钟相差不超过 ${inTime(...apart)}` },
  { form: new RegExp(`^${time} ahead of the database's$`), zh: (...apart) => `比数据库时钟快 ${inTime(...apart)}` },
  { form: new RegExp(`^${time} behind the database's$`), zh: (...apart) => `比数据库时钟慢 ${inTime(...apart)}` },
  { form: /^a process serves this home$/, zh: () => "有进程在服务此主目录" },
  { form: /^no process serves this home$/, zh: () => "没有进程服务此主目录" },
  { form: /^no replica ever led$/, zh: () => "从未有副本担任主副本" },
  {
    form: new RegExp(`^(.+), which renewed its lease ${time} ago$`, "s"),
    zh: (replica, ...past) => `${replica}，${inTime(...past)}前续租`,
  },
  {
    form: /^(\w+); (?:no round yet|round (\d+), begun at (\S+), (released|under way|given up \(\S+\)))(?:; (\d+) requests wait to be written)?(?:; (\d+) offers in a row were refused for (.+?) by (.+))?$/s,
    zh: (phase = "", round, at, ended, waiting, offers, reason, nodes) =>
      [
        phaseWords(phase),
        round === undefined ? "尚无轮次" : `第 ${round} 轮，始于 ${at}，${outcome(ended)}`,
        ...(waiting === undefined ? [] : [`${waiting} 个请求等待写入`]),
        ...(offers === undefined ? [] : [`连续 ${offers} 次邀约因 ${reason} 被 ${nodes} 拒绝`]),
      ].join("；"),
  },
  { form: /^(\d+) open, none of them expired$/, zh: (open) => `${open} 个有效，均未过期` },
  { form: /^(\d+) expired unused: (.+)$/s, zh: (expired, nodes) => `${expired} 个过期未用：${nodes}` },
  { form: /^none waits$/, zh: () => "没有等待的任务" },
  {
    form: new RegExp(`^(\\d+) wait, the oldest for ${time}$`),
    zh: (waiting, ...longest) => `${waiting} 个在等待，最久的已等 ${inTime(...longest)}`,
  },
  { form: /^in (.+)$/s, zh: (place) => `位于 ${place}` },
  { form: /^(\d+) blobs are whole, ([\d.]+) MiB$/, zh: (blobs, size) => `${blobs} 个对象完整，${size} MiB` },
  {
    form: /^(\d+) published, (\d+) staged here, (\d+) of rounds that are over$/,
    zh: (published, staged, over) => `${published} 个已发布，${staged} 个暂存于此，${over} 个属于已结束的轮次`,
  },
  { form: /^the database holds no plan$/, zh: () => "数据库中没有计划" },
];

/** What was found, in Chinese; undefined where these words aren't known. */
export function foundInChinese(found: string): string | undefined {
  for (const { form, zh } of forms) {
    const match = form.exec(found);
    if (match !== null) return zh(...match.slice(1));
  }
  return undefined;
}

/** What to do, by the server's own words. */
const advices: Readonly<Record<string, string>> = {
  "Set both clocks by the same time server (NTP): expiries and the times in the ledger come from them.":
    "请让两个时钟与同一时间服务器（NTP）同步：过期时间和账本中的时间都来自它们。",
  "Have it renewed, put the new files in the old ones' place, and send the server SIGHUP.":
    "请续期，用新文件替换旧文件，并向服务器发送 SIGHUP。",
  "Make room: rounds stop when neither vectors nor entries can be written.": "请腾出空间：向量或条目都无法写入时，轮次会停止。",
  "chmod 700 the home's folder `keys`.": "请对主目录下的 `keys` 文件夹执行 chmod 700。",
  "Copy `keys/identity` here from the home that the federation was founded in.":
    "请从创建联邦的主目录复制 `keys/identity` 到此处。",
  "Start the coordinator once, or look whether `?schema=` names another one.":
    "请启动一次协调者，或检查 `?schema=` 是否指向别的结构。",
  "Start the coordinator with this program: it brings the database up to its version.":
    "请用此程序启动协调者：它会把数据库升级到其版本。",
  "Use the program of the build that serves this federation, or a newer one.":
    "请使用为此联邦服务的那个版本的程序，或更新的版本。",
  "Start it: `tributary coordinator start --home …`.": "请启动它：`tributary coordinator start --home …`。",
  "Start a replica, and look at its log.": "请启动一个副本并查看其日志。",
  "Start a replica; if one runs, its log says why it doesn't take the leadership over.":
    "请启动一个副本；若已有副本在运行，其日志会说明为何没有接任。",
  "Ask those merchants what their policy says (`tributary node check`); who connects anew is asked again.":
    "请询问这些商家的策略（`tributary node check`）；重新连接的节点会再次收到邀约。",
  "An operator paused it (`coordinator audit` says who, and why): `coordinator resume` goes on.":
    "操作员已将其暂停（`coordinator audit` 说明是谁、为何）：用 `coordinator resume` 继续。",
  "Look the code up in docs/errors.md; one round that is given up is no harm, several in a row are.":
    "请在 docs/errors.md 中查找该代码；放弃一轮无妨，接连数轮则有问题。",
  "Make new ones for whoever is still to come (`coordinator invite`); an expired one admits nobody.":
    "请为尚未加入者重新创建邀请（`coordinator invite`）；过期的邀请无法使用。",
  "No worker takes them: start a replica or `tributary worker`, and look at the logs of those that run.":
    "没有工作进程领取：请启动一个副本或 `tributary worker`，并查看正在运行者的日志。",
  "They go when the next round ends, or when the server is started again.": "它们会在下一轮结束或服务器重启时清除。",
  "Start the coordinator once with `--plan` and `--catalogue`.": "请用 `--plan` 和 `--catalogue` 启动一次协调者。",
  "Look whether this user may read what is there, and at the server's log.": "请检查此用户是否有权读取，并查看服务器日志。",
};
export const adviceInChinese = (advice: string): string | undefined => advices[advice];
/** The advice that is known: a test holds it to what the doctor's source says. */
export const knownAdvices: readonly string[] = Object.keys(advices);
