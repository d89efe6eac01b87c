// What a reload may change, and what it must refuse.

import Configuration
import Election
import Health
import Testing
import Wire

@testable import Agent

@Suite("Reload")
struct ReloadTests {
  private func loaded(_ change: (inout Configuration) -> Void = { _ in }) throws -> LoadedConfiguration {
    var configuration = try Configuration.parse(
      text: """
        cluster: shop
        node: alpha
        key-file: key
        nodes: { alpha: { addresses: [192.0.2.1] }, beta: { addresses: [192.0.2.2] } }
        groups:
          web:
            virtual-addresses: [192.0.2.10/24 on eth0]
            priority: { alpha: 200, beta: 100 }
        """,
      fileName: "baton.yaml",
      hostName: "alpha"
    )
    change(&configuration)
    let key = try #require(SharedKey(id: 1, secret: Array(0..<32)))
    return LoadedConfiguration(configuration: configuration, keys: try #require(KeyRing([key])))
  }

  @Test func `what groups say may change`() throws {
    let running = try loaded().configuration
    let changed = try loaded {
      $0.settings.interval = .milliseconds(50)
      $0.settings.groups[0].priorities = [50, 100]
      $0.settings.groups[0].preempt = false
      $0.settings.groups.append($0.settings.groups[0])
      $0.settings.nodes[1].addresses = $0.settings.nodes[1].addresses.map { _ in IPAddress(v4: 0xc000_0203) }
    }
    #expect(changed.changesThatNeedRestart(from: running).isEmpty)
  }

  @Test func `what sockets and threads were made from may not, and all of it is named`() throws {
    let running = try loaded().configuration
    let changed = try loaded {
      $0.settings.cluster = "store"
      $0.settings.port = 7113
      $0.settings.nodes[0].addresses = [IPAddress(v4: 0xc000_0204)]
      $0.realtime = true
      $0.controlGroup = "adm"
    }
    #expect(
      changed.changesThatNeedRestart(from: running) == [
        "cluster", "the addresses of alpha", "heartbeat port", "realtime", "control group",
      ]
    )
    let moved = try loaded { $0.settings.here = 1 }
    #expect(moved.changesThatNeedRestart(from: running).contains("node"))
  }
}
