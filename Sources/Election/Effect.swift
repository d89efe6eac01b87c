// Everything that a node wants done. The shell carries these out in order; those that can fail report back as inputs.

import Health

/// One thing to do.
package enum Effect: Hashable, Sendable {
  /// Send this to a peer (its position in `Settings.nodes`) over the path that it names.
  case send(Heartbeat, to: Int)
  /// Begin a lease that ends then: nothing is open yet, and from now on only renewals keep it alive. A failure of this
  /// or any of the next two is answered by `Input.leaseLost` at once, before any other input, and what was still to be
  /// done under the lease is not. Nor is it once a lease that was running has run out before something was sent.
  case beginLease(until: Instant)
  /// Let what is open stay open until then, if it still is.
  case renewLease(until: Instant)
  /// Open the gate for these addresses, up to the end of the lease.
  case openGate([VirtualAddress], until: Instant)
  /// Close the gate for these addresses. Without effect where it is closed; failing it only leaves work to the kernel.
  case closeGate([VirtualAddress])
  /// Let the kernel keep these addresses for another lifetime.
  case refreshAddresses([VirtualAddress])
  /// Keep this for the guardian, in place of the one before for the same peer and path: to be sent should the agent die.
  case obituary(Heartbeat, to: Int)
  /// Put these addresses onto this host; answered by `Input.addressesChanged` with the same operation.
  case addAddresses(group: WireID, operation: UInt64, [VirtualAddress])
  /// Take these addresses off this host; answered by `Input.addressesChanged` with the same operation.
  case removeAddresses(group: WireID, operation: UInt64, [VirtualAddress])
  /// Tell the neighbours, once: gratuitous ARP and unsolicited neighbour advertisements.
  case announce(group: WireID, [VirtualAddress])
  /// Run the hook that is told of this.
  case tell(group: WireID, Transition)
  /// Run this hook, which is waited for; answered by `Input.consulted` with the same operation.
  case consult(group: WireID, operation: UInt64, Hook, Transition)
  /// Stop the hook that was asked for with this operation, or do not begin it: nobody waits for it any more.
  case dismiss(group: WireID, operation: UInt64)
  /// Note this for people.
  case journal(Event)
  /// Answer the operator's request.
  case answer(request: UInt64, HandoverAnswer)
  /// Keep this for the next life: the highest term known of a group.
  case keepTerm(group: WireID, UInt64)
  /// Keep this for the next life: whether the node is in maintenance, and until when.
  case keepMaintenance(on: Bool, until: Instant?)
  /// Keep this for the next life: the longest interval by which a node of the cluster is known to live.
  case keepInterval(Duration)
  /// Everything is handed over or released: the process may end.
  case left
}

extension Effect {
  /// Whether this is left out once the lease has turned out to be lost: what is not said to the peers must not prolong
  /// what is answered for here either.
  package var isUnderLease: Bool {
    switch self {
    case .send, .renewLease, .openGate: true
    case .beginLease, .closeGate, .refreshAddresses, .obituary, .addAddresses, .removeAddresses, .announce, .tell,
      .consult, .dismiss, .journal, .answer, .keepTerm, .keepInterval, .keepMaintenance, .left:
      false
    }
  }
}

/// What became of an operator's handover.
package enum HandoverAnswer: Hashable, Sendable {
  /// This node is master now.
  case done(master: String)
  /// Nothing changed; says why and what would help.
  case refused(String)
}

/// What a journal notes.
package enum Event: Hashable, Sendable {
  /// A group changed its state on this node.
  case transition(group: String, from: GroupState, to: GroupState, term: UInt64, reason: Reason)
  /// A handover of a group was begun here.
  case handoverBegan(group: String, to: String, cause: HandoverCause)
  /// A handover that was begun here came to nothing; the group stays.
  case handoverFailed(group: String, to: String, cause: String)
  /// A group stays here although something forbids it, since no live node may hold it.
  case kept(group: String, though: Obstacle)
  /// Another node is seen to be the group's master.
  case masterSeen(group: String, node: String, term: UInt64)
  /// Two nodes are master: this one and another.
  case rivalSeen(group: String, node: String)
  /// An address of the group had been removed by somebody else and is put back.
  case addressRepaired(group: String, VirtualAddress)
  /// The hook before a promotion refused it, or did not answer.
  case promotionRefused(group: String, cause: String)
  /// An operation on addresses failed.
  case addressesFailed(group: String, String)
  /// A peer was heard for the first time, or again.
  case peerAlive(node: String)
  /// A peer's agent started anew.
  case peerRestarted(node: String)
  /// A peer fell silent for good.
  case peerDead(node: String, silence: Duration, challenges: Int)
  /// A peer said farewell.
  case peerLeft(node: String)
  /// A peer's guardian said that the agent is gone and its addresses released.
  case peerObituary(node: String)
  /// A probe's verdict changed: of the service here, or of the one on another node.
  case probeChanged(group: String, probe: String, of: String?, isPassing: Bool, detail: String)
  /// What a probe adds to the priority here has changed.
  case probeWeighs(group: String, probe: String, weight: Int)
  /// Another node has come to a verdict on the service here.
  case probeSeen(group: String, probe: String, by: String, verdict: ProbeVerdict)
  /// An interface gained or lost its carrier.
  case linkChanged(interface: String, isUp: Bool)
  /// Maintenance began or ended.
  case maintenance(on: Bool)
  /// This agent ran late.
  case late(Duration)
  /// The lease was lost.
  case leaseLost(LeaseLoss)
  /// The lease was lost by lateness so many times in a row that the node asks for nothing back before it has been in time for
  /// this long.
  case lapsed(times: Int, provingTime: Duration)
  /// A new configuration is in force.
  case reconfigured
}
