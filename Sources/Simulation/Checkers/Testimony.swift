// What was truly said and heard, as a record to hold the agents' stories against: what each host has put onto the wire about
// each group, what of it has reached whom and was believed, who was sent an obituary of, and what people did.

import Election

/// The record of what was said.
final class Testimony {
  /// A group on a host, and another host that is spoken to or heard.
  struct Ear: Hashable {
    let host: Int
    let group: WireID
    let other: Int
  }

  struct Place: Hashable {
    let host: Int
    let group: WireID
  }

  /// A release, as its last repetition said it.
  struct Release {
    let term: UInt64
    let cause: HandoverCause
  }

  /// When each host first said that it is master, and in which life; and when each said that it is leaving.
  private(set) var saidMaster: [Place: (life: Int, at: Int64)] = [:]
  private(set) var saidFarewell: [Int: Int64] = [:]
  /// What each host has released to another one, and whose offers it has said that it is ready for.
  private(set) var releases: [Ear: Release] = [:]
  private(set) var saidReady: Set<Ear> = []
  /// What each agent believes that it has heard of another host last in its present life, and whom it has heard be master.
  private(set) var believed: [Ear: GroupRecord] = [:]
  private(set) var heardMaster: Set<Ear> = []
  /// Where a backup has heard of any master since it was none, nor had failed to hand the group over.
  private(set) var knowsMaster: Set<Place> = []
  /// By whom, in which life and under which configuration, each agent has heard of a group.
  private(set) var informants: [Ear: (life: UInt64, fingerprint: UInt64)] = [:]
  /// Whom each host has let a group go to.
  private(set) var gaveTo: Set<Ear> = []
  /// When each host's guardian last said that its agent is gone.
  private(set) var obituaries: [Int: Int64] = [:]
  /// Whom each agent holds to be dead by its silence, and what it has said of that.
  private(set) var verdicts: [[Int: (silence: Duration, challenges: Int)]]
  /// When each host was last told to stop, and when its services and links last changed.
  private(set) var stoppedAt: [Int64]
  private(set) var serviceChangedAt: [Int64]
  private(set) var linkChangedAt: [Int64]

  init(hosts: Int) {
    verdicts = Array(repeating: [:], count: hosts)
    stoppedAt = Array(repeating: .min / 2, count: hosts)
    (serviceChangedAt, linkChangedAt) = (stoppedAt, stoppedAt)
  }

  func willApply(_ command: Command, _ world: World) {
    switch command {
    case .stop(let host): stoppedAt[host] = world.now
    case .probe(let host, _, _, _, _): serviceChangedAt[host] = world.now
    case .link(let host, _, _): linkChangedAt[host] = world.now
    case .calm:
      serviceChangedAt = serviceChangedAt.map { _ in world.now }
      linkChangedAt = serviceChangedAt
    default: break
    }
  }

  // MARK: Said

  /// A host puts something onto the wire.
  func said(_ heartbeat: Heartbeat, _ host: Int, _ world: World) {
    if heartbeat.flags.contains(.leaving) { saidFarewell[host] = world.now }
    for record in heartbeat.groups {
      if record.state == .master {
        let place = Place(host: host, group: record.id)
        if saidMaster[place] == nil { saidMaster[place] = (world.hosts[host].lives, world.now) }
      }
      guard record.handover == .release || record.handover == .ready,
        let peer = Plan.names.firstIndex(where: { WireID(name: $0) == record.handoverPeer })
      else { continue }
      let ear = Ear(host: host, group: record.id, other: peer)
      if record.handover == .ready {
        saidReady.insert(ear)
      } else {
        releases[ear] = Release(term: record.term, cause: record.cause)
      }
    }
  }

  func obituary(_ host: Int, _ world: World) { obituaries[host] = world.now }

  // MARK: Heard

  /// An agent begins, and has heard nothing.
  func begins(_ host: Int) {
    believed = believed.filter { $0.key.host != host }
    informants = informants.filter { $0.key.host != host }
    heardMaster = heardMaster.filter { $0.host != host }
    knowsMaster = knowsMaster.filter { $0.host != host }
    verdicts[host] = [:]
  }

  /// An agent has handled something that it was told; what counts is what it made its own.
  func heard(_ heartbeat: Heartbeat, _ node: Node, _ host: Int, _ world: World) {
    guard let other = Plan.names.firstIndex(where: { WireID(name: $0) == heartbeat.sender }) else { return }
    for record in heartbeat.groups {
      guard let index = node.index(of: record.id), node.groups[index].views.contains(where: { $0.record == record })
      else {
        continue
      }
      let ear = Ear(host: host, group: record.id, other: other)
      believed[ear] = record
      informants[ear] = (heartbeat.bootID, heartbeat.fingerprint)
      guard record.state == .master else { continue }
      heardMaster.insert(ear)
      if node.groups[index].publicState == .backup {
        knowsMaster.insert(Place(host: host, group: record.id))
      }
    }
  }

  // MARK: Noted

  func noted(_ event: Event, _ host: Int, _ world: World) {
    switch event {
    case .peerDead(let name, let silence, let challenges):
      guard let other = Plan.names.firstIndex(of: name) else { return }
      verdicts[host][other] = (silence, challenges)
      // What the dead have said does not count any more.
      believed = believed.filter { $0.key.host != host || $0.key.other != other }
      knowsMaster = knowsMaster.filter { place in
        place.host != host
          || believed.contains { $0.key.host == host && $0.key.group == place.group && $0.value.state == .master }
      }
    case .peerAlive(let name):
      guard let other = Plan.names.firstIndex(of: name) else { return }
      verdicts[host][other] = nil
    case .handoverFailed(let group, _, _): knowsMaster.remove(Place(host: host, group: WireID(name: group)))
    case .transition(let group, _, to: .master, _, _):
      knowsMaster.remove(Place(host: host, group: WireID(name: group)))
    case .transition(let group, _, _, _, .handedOverTo(let node, _)):
      guard let other = Plan.names.firstIndex(of: node) else { return }
      gaveTo.insert(Ear(host: host, group: WireID(name: group), other: other))
    case .reconfigured: knowsMaster = knowsMaster.filter { $0.host != host }
    default: break
    }
  }
}
