// What the guardian is to send should this agent die: for each path the word that would come next, written with the last
// one. The guardian gets all of them with every beat, so that it never has an old one.

import Election
import Guardian
import Health

/// The newest obituary for each path to each peer. Used on the heartbeat loop only.
struct Obituaries {
  private var newest: [Route: Obituary] = [:]
  /// Whether something was said since the last beat.
  private(set) var isChanged = false

  private struct Route: Hashable {
    let peer: Int
    let path: UInt8
  }

  /// Keeps an obituary in place of an earlier one.
  mutating func keep(_ datagram: [UInt8], for heartbeat: Heartbeat, to peer: Int, _ settings: Settings) {
    let path = Int(heartbeat.path)
    guard settings.node.addresses.indices.contains(path), settings.nodes[peer].addresses.indices.contains(path) else {
      return
    }
    newest[Route(peer: peer, path: heartbeat.path)] = Obituary(
      source: settings.node.addresses[path],
      destination: Endpoint(address: settings.nodes[peer].addresses[path], port: settings.port),
      datagram: datagram
    )
    isChanged = true
  }

  /// All of them, for a beat.
  mutating func take() -> [Obituary] {
    isChanged = false
    return Array(newest.values)
  }

  /// Forgets all: peers and paths may have changed.
  mutating func removeAll() { newest.removeAll() }
}
