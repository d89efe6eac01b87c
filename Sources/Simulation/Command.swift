// What can be done to the world, and what can be expected of it. A scenario is a list of these, whether somebody wrote it
// or a seed drew it, and each has one line of text: `Command.init(parsing:)` reads what `description` writes.

import Election

/// One line of a scenario.
package enum Command: Hashable, Sendable {
  /// Lets time pass.
  case advance(Duration)
  /// Lets time pass in which nothing happens, without living through it; refused unless the world is steady.
  case skip(Duration)

  // Agents.
  /// Starts an agent, and gives its host power first if it has none.
  case start(Int)
  /// Kills an agent (SIGKILL).
  case crash(Int)
  /// Asks an agent to stop (SIGTERM).
  case stop(Int)
  /// Stops an agent (SIGSTOP), for a time or until it is resumed.
  case pause(Int, Duration?)
  case resume(Int)
  /// Timers of an agent fire up to this late.
  case late(Int, Duration)
  /// Before each of its deeds an agent may stall, in so many of a thousand cases, for up to so long.
  case stall(Int, perMille: Int, Duration)
  /// Does something to the world in the moment in which an agent carries out an effect for the next time.
  indirect case trap(Int, Side, EffectKind, Command)

  // Guardians.
  case crashGuardian(Int)
  case pauseGuardian(Int, Duration?)

  // Hosts.
  case powerOff(Int)
  /// The host sleeps: nothing on it runs or answers, and its clock goes on.
  case suspend(Int, Duration)
  /// The host's clock runs faster by so many millionths.
  case clock(Int, ppm: Int)
  case link(Int, interface: String, isUp: Bool)
  case kernel(Int, KernelFault)
  /// Somebody deletes a group's first address behind the agent's back.
  case deleteAddress(Int, group: Int)
  /// What becomes of the hooks that are waited for, from now on.
  case hooks(Int, Hooks)
  /// What a probe finds from now on, whoever asks; or if somebody is named, what that host alone finds.
  case probe(Int, group: Int, name: String, Service, by: Int?)

  // The network.
  case cut([Int], [Int], path: Int?, bothWays: Bool)
  case heal
  /// Sets the weather, of all lanes, of those from one host to another, or of one path's.
  case weather(from: Int?, to: Int?, path: Int?, Weather)

  // People.
  case handover(Int, group: Int, to: Int?)
  case maintenance(Int, on: Bool, Duration?)
  /// Changes the configuration; one host reads it, or all do.
  case reload(Int?, Change)
  /// The host's software is replaced by a later version, or by this one again, which is what its agent sends by from now.
  case upgrade(Int, isNext: Bool)

  // An attacker on the wire, without the key.
  case attack(Attack, on: Int, count: Int)

  /// Ends everything that is wrong, and has every agent run.
  case calm
  /// The moment that later expectations look back to.
  case mark
  case expect(Expectation)
  /// Lets time pass until something is so, which must come about within a span.
  case await(Expectation, within: Duration)

  /// Before or after the effect.
  package enum Side: String, Hashable, Sendable, CaseIterable { case before, after }

  /// A kind of effect that a trap can wait for.
  package enum EffectKind: String, Hashable, Sendable, CaseIterable {
    case send, add, remove, announce, keep, answer, begin, renew, open, close, refresh, obituary
  }

  /// What a kernel does wrong.
  package enum KernelFault: Hashable, Sendable {
    /// The next operations of this kind are refused.
    case refusesToAdd(Int)
    case refusesToRemove(Int)
    /// The next renewals or openings of the gate are refused.
    case refusesGate(Int)
    /// The next operations are done, but the answer is that they failed.
    case losesAnswers(Int)
    /// The next renewals or openings of the gate are done, but the answer is that they failed.
    case losesGateAnswers(Int)
    /// Each operation takes up to this long.
    case slow(Duration)
    /// Each renewal or opening of the gate takes up to this long, in which the agent waits.
    case slowGate(Duration)
  }

  /// How a host's hooks are.
  package enum Hooks: Hashable, Sendable {
    /// Each takes up to this long, and has nothing against it.
    case quick(Duration)
    /// Each takes up to this long, and refuses.
    case refusing(Duration)
    /// None ends; who runs it says so when its time is up, or not even that.
    case hanging(isTold: Bool)
  }

  /// How the local service is.
  package enum Service: String, Hashable, Sendable, CaseIterable {
    case well, ill
    /// Each probe finds something else.
    case erratic
    /// A few probes in a row find it well though it is ill, and then a few find the truth.
    case flapping
  }

  /// A change of the configuration.
  package enum Change: Hashable, Sendable {
    case priority(of: Int, Int)
    case interval(Duration)
    case preempt(Bool)
    case addresses(Int)
    case groups(Int)
  }

  package enum Attack: String, Hashable, Sendable, CaseIterable {
    /// Plays recorded datagrams again to whom they were sent.
    case replay
    /// Sends recorded datagrams back to their senders.
    case reflect
    /// Flips a bit of recorded datagrams.
    case tamper
    /// Sends what was signed with another key.
    case forge
    /// Sends noise.
    case noise
    /// Sends all of this at once, so that the socket's buffer is full for a while and what comes then may be lost.
    case flood
  }

  /// What must be so now.
  package enum Expectation: Hashable, Sendable {
    /// Exactly these hosts answer for a group.
    case answering(group: Int, [Int])
    /// One host answers for each group, and if `best`, the one that should.
    case settled(best: Bool)
    /// Since the mark, nobody answered for a group for at most this long at a stretch.
    case outage(group: Int, atMost: Duration)
    /// No group has changed hands since the mark.
    case quiet
  }

  /// The one host that the command happens to; nil when it is about several or none.
  var host: Int? {
    switch self {
    case .start(let host), .crash(let host), .stop(let host), .pause(let host, _), .resume(let host),
      .late(let host, _),
      .stall(let host, _, _), .trap(let host, _, _, _), .crashGuardian(let host), .pauseGuardian(let host, _),
      .powerOff(let host), .suspend(let host, _), .clock(let host, _), .link(let host, _, _), .kernel(let host, _),
      .deleteAddress(let host, _), .probe(let host, _, _, _, _), .hooks(let host, _), .handover(let host, _, _),
      .maintenance(let host, _, _),
      .upgrade(let host, _), .attack(_, let host, _):
      host
    case .reload(let host, _): host
    case .advance, .skip, .cut, .heal, .weather, .calm, .mark, .expect, .await: nil
    }
  }
}
