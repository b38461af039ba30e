/** What to do about each alert: the runbook's own words (docs/operate.md), and the same in Chinese. A test holds the English to the runbook. */
import type { Text } from "../../shared/language.ts";
import type { RuleName } from "./rules.ts";

export interface RunbookEntry {
  readonly title: Text;
  readonly words: Text;
}

export const runbook: Readonly<Record<RuleName, RunbookEntry>> = {
  FederationStuck: {
    title: { en: "Nothing is released any more", zh: "长时间没有发布" },
    words: {
      en: "No round was released for hours although the plan has some left and nobody paused it. Ask `coordinator status` for the phase: `waiting` means too few nodes or a calendar, `refused` that nodes decline, a phase of a round that it hangs there. Look at the last rounds' codes in `status --json`, then into the leader's log for that round's number. Nothing is lost by starting the leader again.",
      zh: "计划尚有剩余轮次，也没有人暂停，却已数小时没有轮次发布。用 `coordinator status` 查看阶段：`waiting` 表示节点太少或受日程限制，`refused` 表示节点拒绝，某一轮的阶段名表示卡在那一步。在 `status --json` 中查看最近几轮的代码，再到主副本的日志里查找该轮次编号。重启主副本不会丢失任何内容。",
    },
  },
  OffersRefused: {
    title: { en: "The nodes refuse what is offered", zh: "节点拒绝邀约" },
    words: {
      en: "The nodes have declined ten offers in a row for one reason, so the coordinator offers no more until one of them connects anew. `status` names the reason: usually a merchant's limit is reached or its policy forbids a release. Talk to the merchants (`tributary node check` shows it to them); if nobody can change it, the plan is at its end.",
      zh: "节点因同一原因连续拒绝了十次邀约，因此在其中某个节点重新连接之前，协调者不再发起邀约。`status` 会说明原因：通常是某商家的上限已到，或其策略禁止某项发布。请与商家沟通（`tributary node check` 会向他们显示原因）；如果无人能够改变，计划即告结束。",
    },
  },
  NoLeader: {
    title: { en: "No replica leads", zh: "没有主副本" },
    words: {
      en: "No replica holds a fresh lease, so nothing moves and nodes are told to come again. See whether replicas run and reach the database; each logs why it can't follow the leadership. If one is paused or cut off, the others end its connection after ten seconds, for which the database's user needs to own that connection: check that all replicas use one role. A pooler in transaction mode shows exactly this.",
      zh: "没有副本持有有效租约，因此一切停滞，节点会被告知稍后再来。检查各副本是否在运行、能否连上数据库；每个副本都会在日志中说明为何无法接任。如果某个副本被挂起或断网，其他副本会在十秒后结束它的连接，这要求数据库用户拥有该连接：请确认所有副本使用同一角色。事务模式的连接池正会造成这种现象。",
    },
  },
  TooFewNodes: {
    title: { en: "Too few nodes are connected", zh: "在线节点太少" },
    words: {
      en: "Fewer nodes are connected than a round needs. Compare `joined` and `connected` in `status` and ask the merchants that are missing for their node's log. If all vanished at once it is this side: certificate, balancer, address.",
      zh: "在线节点少于一轮所需。在 `status` 中比较 `joined` 与 `connected`，向缺席的商家索取其节点日志。如果所有节点同时消失，问题在我方：证书、负载均衡或地址。",
    },
  },
  EpsilonNearLimit: {
    title: { en: "ε is nearly spent", zh: "ε 即将用尽" },
    words: {
      en: "Nine tenths of what the plan may spend is spent, as the ledger counts it. Nothing is wrong; decide which model to put forward before the ledger closes, and plan the next federation with the merchants now. Nobody can raise a plan's ε.",
      zh: "按账本计算，计划可用的 ε 已用去九成。没有故障；请在账本关闭前决定推荐哪个模型，并现在就与商家规划下一个联邦。任何人都不能提高计划的 ε。",
    },
  },
  DropoutsHigh: {
    title: { en: "Many nodes drop out", zh: "大量节点掉线" },
    words: {
      en: "Many nodes begin a round and don't end it. Look which phase: `keys` points at connections, `masked` at slow training or uploads that don't fit the plan's deadlines, `consistency` and `unmask` at nodes that disagree or restart. Raise the cohort over what is needed (`--cohort`) or let deadlines adapt; the plan's own limits stay.",
      zh: "许多节点开始了一轮却没有完成。看是哪个阶段：`keys` 指向连接问题，`masked` 指向训练过慢或上传赶不上计划的期限，`consistency` 与 `unmask` 指向意见不一致或重启的节点。可将参与节点数提高到所需之上（`--cohort`），或让期限自适应；计划本身的上限不变。",
    },
  },
  RoundsFailing: {
    title: { en: "Rounds are given up", zh: "轮次接连失败" },
    words: {
      en: "More rounds are given up than released, and those after the envelopes cost ε. Pause (`coordinator pause`) before you look, so that no more is spent. Codes of the rounds say which step; one node that always is the missing one may be revoked.",
      zh: "放弃的轮次多于发布的轮次，而在秘密份额分发之后放弃的轮次仍会消耗 ε。请先暂停（`coordinator pause`）再排查，以免继续消耗。各轮次的代码说明出在哪一步；如果总是同一个节点缺席，可以撤销它。",
    },
  },
  DatabaseErrors: {
    title: { en: "The database doesn't answer", zh: "数据库无响应或报错" },
    words: {
      en: "A replica gets no answer or errors from the database. Rounds wait, and go on by themselves; writes are tried for a minute, then the engine rests. See PostgreSQL's log, its connections (`max_connections`) and the network; on SQLite the disk.",
      zh: "某个副本得不到数据库的响应，或收到错误。轮次会等待并自行继续；写入会重试一分钟，之后引擎暂歇。请检查 PostgreSQL 的日志、连接数（`max_connections`）和网络；使用 SQLite 时检查磁盘。",
    },
  },
  BlobErrors: {
    title: { en: "Models and vectors can't be written or read", zh: "模型与向量无法读写" },
    words: {
      en: "The place for models and vectors can't be written or read. For a folder look at the mount and its owner, for S3 at credentials, bucket and endpoint. Uploads that nodes have begun go on afterwards.",
      zh: "存放模型与向量的位置无法写入或读取。若是文件夹，检查挂载与属主；若是 S3，检查凭据、存储桶与端点。节点已开始的上传之后会继续。",
    },
  },
  DiskNearlyFull: {
    title: { en: "A disk is nearly full", zh: "磁盘即将写满" },
    words: {
      en: "Less than a tenth is left on the disk of the home or of blobs. Set or tighten retention, make room, or move blobs to S3. A full disk stops rounds with a code and damages nothing.",
      zh: "主目录或对象存储所在磁盘的剩余空间不足一成。请设置或收紧保留期、腾出空间，或将对象迁移到 S3。磁盘写满会使轮次带着代码停止，不会损坏任何内容。",
    },
  },
  CertificateExpiring: {
    title: { en: "The certificate expires soon", zh: "证书即将过期" },
    words: {
      en: "In two weeks nodes will refuse this certificate. Renew it, replace the files, send SIGHUP, or restart the unit where they are credentials; new connections get the new one. If the alert stays, the process reads other files than those that were renewed.",
      zh: "两周后节点将拒绝此证书。请续期、替换文件并发送 SIGHUP；若文件作为凭据提供，则重启服务单元；新连接会使用新证书。如果警报仍在，说明进程读取的不是续期后的文件。",
    },
  },
  EventLoopDelayed: {
    title: { en: "A replica is held up", zh: "副本响应迟滞" },
    words: {
      en: "Something holds a replica's only thread for over a second at a time, and sockets die of that beyond several. Usually the machine lacks processors: see load, memory and swapping. Start a `tributary worker` elsewhere to take sums away from it.",
      zh: "有东西一次占用副本唯一的线程超过一秒，持续数秒便会断开连接。通常是机器处理器不足：检查负载、内存与交换。可在别处启动 `tributary worker` 分担求和。",
    },
  },
  JobsWaiting: {
    title: { en: "Nobody takes a job", zh: "任务无人领取" },
    words: {
      en: "A slice of a sum lies in the queue and nobody takes it. Workers are gone, or see another `--blobs` place or schema than the replicas do. Start one, and look into its log; jobs of a dead worker come back to the queue by themselves.",
      zh: "求和的一个分片在队列中无人领取。工作进程已不在，或其 `--blobs` 位置或数据库结构与副本不同。请启动一个并查看其日志；已死的工作进程的任务会自行回到队列。",
    },
  },
};
