// What must hold, checked from outside: by who answers, by what is on the wire, and by what agents say in public. Each
// check has a file of its own and none of them shares a line with what it checks.

import Election

/// A group on a host.
struct Place: Hashable {
  let host: Int
  let group: Int
}

/// All checks of one world.
struct Checks {
  let answers: AnswerCheck
  let nodes: NodeCheck
  let stories = StoryCheck()
  let promises = PromiseCheck()
  let outages: OutageCheck
  let handovers: HandoverCheck
  let words: Testimony
  let terms: TermCheck
  let reasons = ReasonCheck()
  let sickness = SicknessCheck()
  let authenticity = AuthenticityCheck()

  init(hosts: Int) {
    answers = AnswerCheck(hosts: hosts)
    nodes = NodeCheck(hosts: hosts)
    outages = OutageCheck(hosts: hosts)
    handovers = HandoverCheck(hosts: hosts)
    words = Testimony(hosts: hosts)
    terms = TermCheck(hosts: hosts)
  }

  /// Somebody is about to do something to the world.
  func willApply(_ command: Command, _ world: World) {
    promises.willDisturb(world)
    outages.willApply(command, world)
    handovers.willApply(command, world)
    answers.willApply(command, world)
    words.willApply(command, world)
    sickness.disturb(command, world)
  }

  /// A host puts something onto the wire.
  func says(_ heartbeat: Heartbeat, _ host: Int, _ world: World) {
    words.said(heartbeat, host, world)
    terms.says(heartbeat, host, world)
  }
}
