// Room on a file system, and whether it takes writes; nothing is ever written.
//
// Whether it is read-only is asked of the mounted file system itself (its own options in proc_pid_mountinfo(5)), not of
// the way in which it is seen from here: that is read-only everywhere for a service that systemd protects, and only an
// error or `mount -o remount,ro` makes the file system so.

import CLinux
import Glibc
import Health
import LinuxNetwork

/// Looks at a file system; may hang with it.
func look(at watch: DiskWatch) -> ProbeOutcome {
  timed {
    // No permission to read is needed, and whatever is asked next is asked of the same file system.
    let number = open(watch.path, O_PATH | O_CLOEXEC)
    guard number >= 0 else { return .unmet("cannot look at \(watch.path): \(LinuxNetwork.SystemError.current)") }
    let file = LinuxNetwork.FileDescriptor(owning: number)
    var status = statvfs()
    guard fstatvfs(file.number, &status) == 0 else {
      return .unmet("cannot look at \(watch.path): \(LinuxNetwork.SystemError.current)")
    }
    if watch.isWritable {
      switch Mount.isReadOnly(file.number) {
      case nil: return .unmet("cannot tell whether \(watch.path) is read-only: its mount is not listed")
      case true?: return .unmet("\(watch.path) is mounted read-only")
      case false?: break
      }
    }
    return watch.free.flatMap { Room(status).fault(of: watch.path, wanting: $0) }
  }
}

/// How full a file system is, as df(1) counts: what is kept for root is neither used nor free.
struct Room {
  let used: UInt64
  let free: UInt64
  let bytesFree: UInt64
  let usedFiles: UInt64
  let freeFiles: UInt64

  init(_ status: statvfs) {
    used = UInt64(status.f_blocks - min(status.f_bfree, status.f_blocks))
    free = UInt64(status.f_bavail)
    bytesFree = free.multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue
    usedFiles = UInt64(status.f_files - min(status.f_ffree, status.f_files))
    freeFiles = UInt64(status.f_favail)
  }

  /// What is wrong where this much is wanted; nil when nothing is.
  func fault(of path: String, wanting wanted: DiskWatch.Room) -> ProbeOutcome? {
    switch wanted {
    case .bytes(let bytes):
      guard bytesFree < bytes else { return nil }
      return .unmet("\(path) has \(DiskWatch.Room.text(bytesFree)) free, less than \(wanted)")
    case .percent(let percent):
      if let full = Self.percentUsed(used, free), 100 - full < Double(percent) {
        return .unmet("\(path) is \(Int(full.rounded(.up))) % full")
      }
      if let full = Self.percentUsed(usedFiles, freeFiles), 100 - full < Double(percent) {
        return .unmet("\(path) has used \(Int(full.rounded(.up))) % of its inodes")
      }
      return nil
    }
  }

  /// Nil where there is nothing to count, as on a file system without a fixed number of inodes.
  private static func percentUsed(_ used: UInt64, _ free: UInt64) -> Double? {
    used + free == 0 ? nil : Double(used) / (Double(used) + Double(free)) * 100
  }
}

/// The mount that an open file belongs to.
private enum Mount {
  /// Whether its file system is read-only; nil when the kernel does not list it.
  static func isReadOnly(_ descriptor: Int32) -> Bool? {
    guard let information = text("/proc/thread-self/fdinfo/\(descriptor)"),
      let line = information.split(separator: "\n").first(where: { $0.hasPrefix("mnt_id:") }),
      let identity = line.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " }).last,
      let mounts = text("/proc/thread-self/mountinfo"),
      let mount = mounts.split(separator: "\n").first(where: { $0.hasPrefix("\(identity) ") })
    else { return nil }
    // The last field are the file system's own options.
    return mount.split(separator: " ").last?.split(separator: ",").contains("ro")
  }

  /// A file of the kernel's, up to 4 MiB.
  private static func text(_ path: String) -> String? {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    let file = LinuxNetwork.FileDescriptor(owning: number)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while bytes.count < 4 << 20 {
      let count = read(file.number, &buffer, buffer.count)
      guard count >= 0 else { return nil }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
