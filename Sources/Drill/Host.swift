// A machine of the lab: a network namespace with one cable to the switch for each path.

/// One host that may hold the virtual address, and what a bystander has to know of it.
package struct Host: Hashable, Sendable {
  /// Its name, which is also what its service answers with.
  package let name: String
  /// Its place among the hosts, from 0.
  package let number: Int
  /// Its network namespace.
  package let namespace: String
  /// Its own address on each path.
  package let addresses: [String]
  /// The switch ports that its cables end in, one for each path.
  let ports: [String]
  /// Where its configuration and logs lie.
  package let directory: String

  /// The MAC address of its first interface.
  var hardwareAddress: HardwareAddress { .host(number, path: 0) }

  /// The interface of a path, as the host calls it.
  package static func interface(path: Int) -> String { "eth\(path)" }
}

/// An Ethernet address, chosen by the lab so that frames need not be looked up.
struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
  let bytes: [UInt8]

  /// The address of a host's interface; locally administered.
  static func host(_ number: Int, path: Int) -> HardwareAddress {
    HardwareAddress(bytes: [0x02, 0xba, 0x00, 0x00, UInt8(path), UInt8(number + 1)])
  }

  /// The address that a bystander asks from: the number of the request is in it, so that an answer, which goes to it,
  /// tells which request it belongs to.
  static func request(_ number: UInt32) -> HardwareAddress {
    HardwareAddress(bytes: [0x02, 0xaf] + withUnsafeBytes(of: number.bigEndian) { Array($0) })
  }

  static let broadcast = HardwareAddress(bytes: [UInt8](repeating: 0xff, count: 6))

  var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
