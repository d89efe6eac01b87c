// What a guardian does when its agent is dead or hung: nothing may answer for the addresses any more, and then the peers
// may know. The gate closes in one call, whatever the number of addresses; with it closed, the obituaries leave at once,
// and the addresses follow. Without a gate the addresses come first, and nobody is told unless every one of them is
// acknowledged as gone: a peer that took over beside one that still answers would be worse than one that waits.

import CLinux
import Control
import Election
import Glibc
import Health
import LinuxNetwork

/// Closes the lease gate that an agent left open; the cause when it could not.
package typealias GateCloser = () -> String?

/// What was done, and how it went.
package struct ReleaseReport: Sendable {
  /// When the death was noticed.
  package var noticed: Instant
  package var time: Timestamp
  /// From noticing until nothing answered any more and the obituaries were sent.
  package var took: Duration
  /// How many obituaries were sent.
  package var obituaries: Int
  /// What went wrong.
  package var failures: [String]
}

/// The means to release what an agent holds, made ready while it lives.
package struct Release {
  private let table: AddressTable?
  private let addresses: [VirtualAddress]
  private let closeGate: GateCloser?

  /// Nothing to take away.
  package init() {
    table = nil
    addresses = []
    closeGate = nil
  }

  /// - Parameter closeGate: Nil when no gate is in force.
  /// - Throws: When the kernel's tables cannot be opened.
  package init(_ duties: Duties, closeGate: GateCloser?) throws(NetworkError) {
    table = try AddressTable()
    addresses = duties.addresses
    self.closeGate = closeGate
  }

  /// What closes the gate with this name; opened now, because later each step counts.
  static func closer(of name: String) -> GateCloser {
    do throws(LeaseGateError) {
      let gate = try LeaseGate(name: name)
      return {
        do throws(LeaseGateError) {
          try gate.end()
          return nil
        } catch {
          return "\(error)"
        }
      }
    } catch {
      return { "\(error)" }
    }
  }

  /// Takes the addresses away and tells the peers.
  package func perform(_ obituaries: [Obituary], noticed: Instant) -> ReleaseReport {
    var report = ReleaseReport(noticed: noticed, time: .now, took: .zero, obituaries: 0, failures: [])
    var isClosed = false
    if let closeGate {
      if let cause = closeGate() { report.failures.append(cause) } else { isClosed = true }
    }
    if isClosed { send(obituaries, &report) }
    let remaining = table?.remove(addresses) ?? []
    report.failures += remaining.map { "\($0)" }
    if !isClosed {
      if remaining.isEmpty {
        send(obituaries, &report)
      } else {
        report.failures.append("the peers were not told, because \(remaining.count) addresses may still answer")
      }
    }
    report.took = BootClock.now - noticed
    return report
  }

  private func send(_ obituaries: [Obituary], _ report: inout ReleaseReport) {
    var sockets: [IPAddress: Int32] = [:]
    defer { for socket in sockets.values { close(socket) } }
    for obituary in obituaries {
      do throws(Control.SystemError) {
        if sockets[obituary.source] == nil { sockets[obituary.source] = try Self.socket(from: obituary.source) }
        try Self.send(obituary, over: sockets[obituary.source] ?? -1)
        report.obituaries += 1
      } catch {
        report.failures.append("\(error)")
      }
    }
  }

  /// A socket that sends from one of the node's addresses, with the precedence of network control (RFC 4594, CS6).
  private static func socket(from source: IPAddress) throws(Control.SystemError) -> Int32 {
    let operation = "send an obituary from \(source)"
    let isV4 = source.family == .v4
    let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let socket = Glibc.socket(isV4 ? AF_INET : AF_INET6, type, 0)
    guard socket >= 0 else { throw Control.SystemError.last(operation) }
    var precedence: Int32 = 0xc0
    setsockopt(
      socket,
      Int32(isV4 ? IPPROTO_IP : IPPROTO_IPV6),
      isV4 ? IP_TOS : IPV6_TCLASS,
      &precedence,
      socklen_t(MemoryLayout<Int32>.size)
    )
    guard withSocketAddress(Endpoint(address: source, port: 0), { bind(socket, $0, $1) }) == 0 else {
      let failure = Control.SystemError.last(operation)
      close(socket)
      throw failure
    }
    return socket
  }

  private static func send(_ obituary: Obituary, over socket: Int32) throws(Control.SystemError) {
    let sent = withSocketAddress(obituary.destination) { address, length in
      sendto(socket, obituary.datagram, obituary.datagram.count, Int32(MSG_NOSIGNAL), address, length)
    }
    guard sent == obituary.datagram.count else {
      throw Control.SystemError.last("send an obituary to \(obituary.destination)")
    }
  }
}

/// Calls `body` with an endpoint as the socket calls want it.
private func withSocketAddress<Value>(
  _ endpoint: Endpoint,
  _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
) -> Value {
  switch endpoint.address.family {
  case .v4:
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = endpoint.port.bigEndian
    address.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.number).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  case .v6:
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = endpoint.port.bigEndian
    withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: endpoint.address.bytes) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
  }
}
