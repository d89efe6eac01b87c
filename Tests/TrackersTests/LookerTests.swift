// A look that hangs, as on a file system whose server is gone.

import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Trackers

extension TrackerTests {
  @Suite struct LookerTests {
    /// What the looks and their takers share.
    final class Ledger: Sendable {
      let mayReturn = Atomic(false)
      let looks = Atomic(0)
      let sights = Mutex<[Int?]>([])
    }

    @Test func aHangingLookIsGivenUpAndNotJoined() throws {
      let stage = try Stage()
      let ledger = Ledger()
      let looker = try stage.loop.submit { [loop = stage.loop] in
        NIOLoopBound(
          Looker(
            timeout: .milliseconds(50),
            on: loop,
            prepare: {
              {
                let number = ledger.looks.add(1, ordering: .relaxed).newValue
                while !ledger.mayReturn.load(ordering: .acquiring) { usleep(500) }
                return number
              }
            },
            then: { sight, _ in ledger.sights.withLock { $0.append(try? sight.get()) } }
          ),
          eventLoop: loop
        )
      }.wait()
      func tick() throws { try stage.loop.submit { looker.value.tick() }.wait() }
      try tick()
      try waitUntil("the look is given up") { ledger.sights.withLock { $0 == [nil] } }
      try tick()
      try waitUntil("the next is given up at once") { ledger.sights.withLock { $0 == [nil, nil] } }
      try stage.loop.submit { looker.value.news() }.wait()
      #expect(ledger.looks.load(ordering: .relaxed) == 1)
      ledger.mayReturn.store(true, ordering: .releasing)
      try waitUntil("a look is taken again") {
        try tick()
        return ledger.sights.withLock { $0.contains { $0.map { $0 > 1 } ?? false } }
      }
      try stage.loop.submit { looker.value.stop() }.wait()
      try stage.end()
    }

    @Test func muchNewsCostsFewLooks() throws {
      let stage = try Stage()
      let ledger = Ledger()
      ledger.mayReturn.store(true, ordering: .releasing)
      let looker = try stage.loop.submit { [loop = stage.loop] in
        NIOLoopBound(
          Looker(
            timeout: .seconds(5),
            on: loop,
            prepare: { { ledger.looks.add(1, ordering: .relaxed).newValue } },
            then: { sight, _ in ledger.sights.withLock { $0.append(try? sight.get()) } }
          ),
          eventLoop: loop
        )
      }.wait()
      let clock = ContinuousClock()
      let end = clock.now + .milliseconds(200)
      while clock.now < end {
        try stage.loop.submit { looker.value.news() }.wait()
        usleep(100)
      }
      let looks = ledger.looks.load(ordering: .relaxed)
      // Four at once, then after 1, 2, 4 … 128 ms.
      #expect((5...14).contains(looks), "\(looks)")
      try stage.loop.submit { looker.value.stop() }.wait()
      try stage.end()
    }

    @Test func whereThereIsNoThreadThatIsSaidAtOnce() throws {
      let stage = try Stage()
      let seen = Mutex<[Result<Int, Blindness>]>([])
      try stage.loop.submit { [loop = stage.loop] in
        var mayStart = false
        let looker = Looker(
          timeout: .seconds(60),
          on: loop,
          startThread: { body in
            if mayStart { body() }
            return mayStart
          },
          prepare: { { 1 } },
          then: { sight, _ in seen.withLock { $0.append(sight) } }
        )
        looker.tick()
        #expect(throws: Blindness.noThread) { try seen.withLock { $0.last }?.get() }
        // Nothing is left of that: the next one looks.
        mayStart = true
        looker.tick()
      }.wait()
      try waitUntil("it has looked") { (try? seen.withLock { $0.last }?.get()) == 1 }
      try stage.end()
    }
  }
}
