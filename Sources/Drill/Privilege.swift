// What the drill may do on this machine. It needs the network capabilities and its own mounts: root has them, and so
// has anybody who may make a user namespace, inside it.

import Glibc

/// Sees to it that namespaces can be made.
package enum Privilege {
  /// CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN of <linux/capability.h>.
  private static let capabilities: [UInt64] = [12, 13, 21]
  private static let marker = "FAILOVER_DRILL_NESTED"

  /// Whether this process has what it takes.
  package static var isSufficient: Bool {
    guard geteuid() == 0, let status = Files.text(of: "/proc/self/status") else { return false }
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    guard let digits = line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).last,
      let effective = UInt64(digits, radix: 16)
    else { return false }
    return capabilities.allSatisfy { effective & 1 << $0 != 0 }
  }

  /// Starts this program again in user, network, mount and process namespaces of its own, with a /run of its own.
  /// When it ends, the kernel ends everything in there.
  ///
  /// - Returns: Only when that is not allowed.
  package static func restartInUserNamespace(_ arguments: [String]) throws(DrillError) -> Never {
    guard getenv(marker) == nil else {
      throw DrillError("make", "a user namespace", "this one has not enough capabilities")
    }
    let program = try programPath()
    let namespaces = [
      "unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
    ]
    do throws(DrillError) {
      try Tool.run(namespaces + ["true"])
    } catch {
      throw DrillError("make", "a user namespace", "\(error.cause); run the drill as root")
    }
    setenv(marker, "1", 1)
    let script = "mount -t tmpfs tmpfs /run && mkdir /run/netns && exec \"$0\" \"$@\""
    let command = namespaces + ["sh", "-c", script, program] + arguments
    var vector: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    execvp(command[0], &vector)
    throw .system("start", command[0])
  }

  /// The directory of the running program; the programs it drills are its neighbours.
  package static func programDirectory() throws(DrillError) -> String {
    let path = try programPath()
    return String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
  }

  private static func programPath() throws(DrillError) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let length = buffer.withUnsafeMutableBytes { bytes in
      bytes.withMemoryRebound(to: CChar.self) { path in
        path.baseAddress.map { readlink("/proc/self/exe", $0, path.count) } ?? -1
      }
    }
    guard length > 0 else { throw .system("read", "/proc/self/exe") }
    return String(decoding: buffer[..<length], as: UTF8.self)
  }
}
