// One host: power, a clock, a kernel, links, a local service, a disk, and an agent that may live, hang or be dead.

import Election
import Supervision
import Wire

/// An agent's process: the real node in an event loop that can be held up at any point.
final class Agent {
  /// Something that has reached the process and that it has not looked at.
  enum Mail {
    case datagram(Datagram)
    case input(Input)
  }

  var node: Node
  let life: Int
  /// When it began, by the host's clock.
  let born: Instant
  /// Stopped by a signal.
  var isStopped = false
  /// Not run by the scheduler for a while.
  var isStalled = false
  /// In the middle of carrying out effects.
  var isBusy = false
  /// Effects of the last input that are not carried out yet.
  var deeds: ArraySlice<Effect> = []
  /// What waits to be read; what does not fit is lost.
  var inbox: [Mail] = []
  /// The timer fired while the process could not look.
  var isTimerDue = false
  /// The deadline that the timer is set to, and which timer it is.
  var armed: Instant?
  var timer = 0
  /// When the lease ended that was running before the last input, by the host's clock.
  var leaseEnds: Instant?
  /// When it last handled anything, by the host's clock.
  var lastTime = Instant(nanoseconds: 0)
  /// Counts pauses, so that an old one's end does not end a new one.
  var pauses = 0
  /// A change of the gate that the kernel has not come to in time yet, and what it was told and has not answered.
  var gateChange: GateChange?
  var gateSpan: Duration?
  /// The lease turned out to be lost while effects were carried out; said when that is over.
  var loss: LeaseLoss?
  /// Said that it may end.
  var hasLeft = false

  /// The end of the lease before the last input, whether it was running or not.
  var formerEnds: Instant?
  /// The newest word for each lane that the guardian is to send should this agent die, and whether it knows them all.
  var obituaries: [Guardian.Obituary] = []
  var hasNewObituaries = false
  /// The guardian is still to be told its duties, and has been.
  var owesDuties = false
  var hasToldDuties = false
  var lastBeat: Guardian.Beat?
  /// Whether the guardian reads, and how long to wait with another one.
  var attention = Attention()
  var guardianBackoff = Backoff()

  /// Keeps an obituary in place of an earlier one.
  func keep(_ obituary: Guardian.Obituary) {
    hasNewObituaries = true
    if let index = obituaries.firstIndex(where: { $0.lane == obituary.lane }) {
      obituaries[index] = obituary
    } else {
      obituaries.append(obituary)
    }
  }

  init(node: Node, life: Int, born: Instant) {
    self.node = node
    self.life = life
    self.born = born
  }

  /// Whether it takes the next input now.
  var isFree: Bool { isRunning && !isBusy && deeds.isEmpty && inbox.isEmpty }
  /// Whether nobody has stopped it, and nothing keeps it from being run just now.
  var isRunning: Bool { !isStopped && !isStalled }
  /// Whether it is about to let a group go, and only waits for the kernel.
  func isReleasing(_ group: Int) -> Bool {
    guard let index = node.index(of: WireID(name: Plan.groupName(group))),
      case .master(.releasing) = node.groups[index].state
    else { return false }
    return true
  }

  /// The most that a socket's buffer holds.
  static let inboxLimit = 400
}

/// One service: how it is, and how it looks to other hosts that find something else, by their index.
struct LocalService {
  var state = Command.Service.well
  var seen: [Int: Command.Service] = [:]
  /// What probes find while it flaps, and how many more of them find the same.
  var run = (isWell: true, rest: 0)
}

/// One host.
final class Host {
  let index: Int
  var isPowered = true
  var isAsleep = false
  var clock: Clock
  var kernel = Kernel()
  var linksDown: [String] = []
  var agent: Agent?
  /// How many agents this host has had, and when the last was started.
  var lives = 0
  var startedAt: Int64 = 0
  /// The configuration file.
  var plan: Plan

  /// Whether its software is of a later version than this.
  var isOfNextVersion = false

  /// The node's own randomness.
  var nodeDice: Dice
  /// What happens to the host by chance.
  var luck: Dice
  /// How late timers fire.
  var lateness = Host.usualLateness
  /// In how many of a thousand cases the agent stalls before a deed, and for how long at most.
  var stall = (perMille: 0, span: Duration.zero)
  /// What is to be done at the agent's next effect of a kind.
  var traps: [(side: Command.Side, kind: Command.EffectKind, deed: Command)] = []
  /// How the hooks are that are waited for.
  var hooks = Command.Hooks.quick(.milliseconds(5))
  /// How the local services are: by group and probe.
  var services: [[LocalService]] = []

  /// What survives the agent.
  var terms: [WireID: UInt64] = [:]
  var maintenance: (isOn: Bool, until: Instant?) = (false, nil)
  var longestInterval: Duration?

  /// Until when a flood keeps the socket's buffer full.
  var floodEnds: Int64 = 0
  /// When the agent last did not run, for a while or for good.
  var lastUnattended: Int64 = .min / 2
  /// The agent is in the middle of a long stall.
  var isAway = false
  /// When the host last woke up from a suspension.
  var wokeAt: Int64 = .min / 2

  /// The second process, which outlives the agent; nil when there is none.
  var guardian: Guardian?
  /// Which of the timers of its guardians is the newest.
  var guardianTimer = 0
  /// When its guardian is run, by chance.
  var guardianLuck: Dice
  /// How the last agent ended.
  var end = End.unknown

  init(index: Int, origin: Int64, plan: Plan, seed: UInt64, luck: Dice) {
    self.index = index
    clock = Clock(origin: origin)
    self.plan = plan
    self.luck = luck
    nodeDice = Dice(seed: seed, for: "node \(index)")
    guardianLuck = Dice(seed: seed, for: "guardian \(index)")
  }

  /// How late timers fire where nothing is wrong.
  static let usualLateness: ClosedRange<Duration> = .zero...(.microseconds(200))

  /// Whether the agent is run about when it should be, as far as what has been done to the host goes.
  var isPrompt: Bool { stall.perMille == 0 && lateness.upperBound <= .milliseconds(1) }
  /// Whether anything that has been done to the host may make the agent, or its lease, late.
  var isHeldUp: Bool {
    stall.perMille > 0 || lateness.upperBound > Self.usualLateness.upperBound || kernel.gateDelay > .zero
  }

  /// Whether a link of this host is down.
  func isDown(_ path: Int) -> Bool { !linksDown.isEmpty && linksDown.contains("eth\(path)") }

  /// Whether the world gets an answer from this host for this address.
  func answers(for address: VirtualAddress, at now: Int64) -> Bool {
    isPowered && !isAsleep && kernel.has(address)
      && (linksDown.isEmpty || !linksDown.contains(address.interface))
      && (!plan.hasGate || kernel.gate.lets(address, at: now))
  }
}
