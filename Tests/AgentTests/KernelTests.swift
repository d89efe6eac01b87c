// What makes a host answer is done only while the lease lives, and taken back if it ran out meanwhile.

import CLinux
import Election
import Glibc
import Health
import LinuxNetwork
import NIOConcurrencyHelpers
import Testing

@testable import Agent

@Suite("The kernel's thread and the lease")
struct KernelTests {
  private static let address = VirtualAddress(
    address: IPAddress(v4: 0x0a4d_0009),
    prefixLength: 32,
    interface: "lo"
  )

  @Test("Without a lease nothing is added")
  func withoutLease() throws {
    let kernel = try Self.kernelOfItsOwn()
    #expect(change(kernel, present: true) != nil)
    #expect(try !has(kernel))
  }

  @Test("While the lease lives addresses come, with a lifetime, and stay when they are refreshed")
  func withinLease() throws {
    let kernel = try Self.kernelOfItsOwn()
    kernel.deadline = BootClock.now + .seconds(60)
    #expect(change(kernel, present: true) == nil)
    #expect(try has(kernel))
    #expect(refresh(kernel) == nil)
    #expect(try has(kernel))
  }

  @Test("Once it has run out nothing is refreshed, and what is gone does not come back")
  func afterLease() throws {
    let kernel = try Self.kernelOfItsOwn()
    kernel.deadline = BootClock.now + .seconds(60)
    #expect(change(kernel, present: true) == nil)
    #expect(change(kernel, present: false) == nil)
    kernel.deadline = BootClock.now - .milliseconds(1)
    #expect(refresh(kernel) != nil)
    #expect(try !has(kernel))
    #expect(change(kernel, present: true) != nil)
    #expect(try !has(kernel))
  }

  @Test("A lease that runs out around an addition leaves either the address or a failure, never both")
  func aroundTheEnd() throws {
    let kernel = try Self.kernelOfItsOwn()
    for _ in 1...300 {
      kernel.deadline = BootClock.now + .microseconds(Int64.random(in: 0...150))
      let failure = change(kernel, present: true)
      #expect(try has(kernel) == (failure == nil))
      #expect(change(kernel, present: false) == nil)
    }
  }

  // MARK: Means

  private func change(_ kernel: Kernel, present: Bool) -> String? {
    answer { kernel.change([Self.address], present: present, for: .seconds(30), completion: $0) }
  }

  private func refresh(_ kernel: Kernel) -> String? {
    change(kernel, present: true)
  }

  private func answer(_ ask: (@escaping @Sendable (String?) -> Void) -> Void) -> String? {
    let answer = NIOLockedValueBox<String??>(nil)
    ask { failure in answer.withLockedValue { $0 = .some(failure) } }
    waitUntil("the kernel's answer") { answer.withLockedValue { $0 != nil } }
    return answer.withLockedValue { $0 } ?? nil
  }

  private func has(_ kernel: Kernel) throws -> Bool {
    try kernel.addresses().contains { $0.virtualAddress == Self.address }
  }

  /// A kernel's tables in a network namespace of their own, which a socket belongs to from its beginning.
  private static func kernelOfItsOwn() throws -> Kernel {
    let result = NIOLockedValueBox<Result<Kernel, any Error>?>(nil)
    SideThread.start {
      let made = Result { () throws -> Kernel in
        guard unshare(CLONE_NEWNET) == 0 else { throw AgentError.system("unshare: errno \(errno)") }
        return try Kernel()
      }
      result.withLockedValue { $0 = made }
    }
    waitUntil("a network namespace") { result.withLockedValue { $0 != nil } }
    return try #require(result.withLockedValue { $0 }).get()
  }
}
