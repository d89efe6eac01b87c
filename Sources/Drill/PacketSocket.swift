// Whole Ethernet frames in and out of an interface: packet(7).

import CLinux
import Election
import Glibc

/// A raw socket bound to one interface of the calling thread's network namespace.
struct PacketSocket {
  let descriptor: Int32

  /// ETH_P_ARP and ETH_P_ALL of <linux/if_ether.h>.
  static let arp: UInt16 = 0x0806
  static let all: UInt16 = 0x0003

  /// SIOCGSTAMPNS of <asm-generic/sockios.h>, a macro.
  private static let getStamp: UInt = 0x8907

  /// The clock that the kernel stamps frames with (CLOCK_REALTIME), to be compared with `arrival` alone.
  static var wallClock: Instant {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// When the frame that was received last came in; nil when the kernel did not note it. The first time this is asked
  /// makes it note all frames from then on.
  var arrival: Instant? {
    var time = timespec()
    guard ioctl(descriptor, Self.getStamp, &time) == 0 else { return nil }
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Opens a socket.
  ///
  /// - Parameters:
  ///   - interface: The name of the interface.
  ///   - protocol: Which frames to receive: an Ethernet type, or all.
  /// - Throws: When the interface is missing, or the capability CAP_NET_RAW is.
  init(interface: String, protocol: UInt16) throws(DrillError) {
    descriptor = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
    guard descriptor >= 0 else { throw .system("open a packet socket on", interface) }
    var address = sockaddr_ll()
    address.sll_family = UInt16(AF_PACKET)
    address.sll_protocol = `protocol`.bigEndian
    address.sll_ifindex = Int32(if_nametoindex(interface))
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
      }
    }
    guard address.sll_ifindex > 0, bound == 0 else {
      let code = address.sll_ifindex > 0 ? errno : ENODEV
      Glibc.close(descriptor)
      throw .system("bind a packet socket to", interface, code: code)
    }
  }

  /// The next frame that came in over the interface, or nil when there is none. Frames that this machine sent out over
  /// the interface are passed over.
  func receive() -> [UInt8]? {
    var source = sockaddr_ll()
    var length = socklen_t(MemoryLayout<sockaddr_ll>.size)
    var buffer = [UInt8](repeating: 0, count: 2_048)
    while true {
      let count = withUnsafeMutablePointer(to: &source) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length)
        }
      }
      if count <= 0 { return nil }
      if source.sll_pkttype != UInt8(PACKET_OUTGOING) { return Array(buffer[..<count]) }
    }
  }

  /// Sends a frame; one that does not fit into the queue is lost, as frames are.
  func send(_ frame: [UInt8]) {
    Glibc.send(descriptor, frame, frame.count, 0)
  }

  func close() {
    Glibc.close(descriptor)
  }
}
