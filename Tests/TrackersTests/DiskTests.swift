// File systems that fill up and turn read-only, in a mount namespace of the test's own.

import CLinux
import Glibc
import Health
import Testing

@testable import Trackers

extension TrackerTests {
  @Suite struct DiskTests {
    let directory: Directory
    let stage: Stage

    init() throws {
      directory = try Directory()
      stage = try Stage(namespaces: CLONE_NEWNS)
      try stage.command("mount --make-rprivate /")
      try stage.command("mount -t tmpfs -o size=1m,nr_inodes=20 none \(directory.path)")
    }

    private func watch(free: DiskWatch.Room?, isWritable: Bool = true) -> Watch {
      .disk(DiskWatch(path: directory.path, free: free, isWritable: isWritable))
    }

    @Test func aFullDiskIsToldBySharesAndBytes() throws {
      let share = try stage.watch(watch(free: .percent(10)))
      let bytes = try stage.watch(watch(free: .bytes(512 << 10)))
      // A busy machine may take longer than a look.
      try share.askUntil { $0.isSuccess }
      try bytes.askUntil { $0.isSuccess }
      try stage.command("dd if=/dev/zero of=\(directory.path)/f bs=1k count=972")
      try share.askUntil { $0 == .unmet("\(directory.path) is 95 % full") }
      try bytes.askUntil { $0 == .unmet("\(directory.path) has 52 KiB free, less than 512 KiB") }
      try share.stop()
      try bytes.stop()
      try stage.end()
    }

    @Test func usedUpInodesAreTold() throws {
      let sightings = try stage.watch(watch(free: .percent(10)))
      #expect(try sightings.next().outcome.isSuccess)
      for number in 0..<19 { try stage.command("touch \(directory.path)/\(number)") }
      try sightings.ask()
      #expect(try sightings.next().outcome == .unmet("\(directory.path) has used 100 % of its inodes"))
      try sightings.stop()
      try stage.end()
    }

    @Test func aReadOnlyFileSystemIsTold() throws {
      let sightings = try stage.watch(watch(free: nil))
      #expect(try sightings.next().outcome.isSuccess)
      try stage.command("mount -o remount,ro \(directory.path)")
      try sightings.ask()
      #expect(try sightings.next().outcome == .unmet("\(directory.path) is mounted read-only"))
      try stage.command("mount -o remount,rw \(directory.path)")
      try sightings.ask()
      #expect(try sightings.next().outcome.isSuccess)
      try sightings.stop()
      try stage.end()
    }

    @Test func aReadOnlyViewOfAWritableFileSystemIsWritable() throws {
      // As systemd shows everything to a service with ProtectSystem=strict.
      try stage.command("mount --bind \(directory.path) \(directory.path)")
      try stage.command("mount -o remount,bind,ro \(directory.path)")
      let sightings = try stage.watch(watch(free: nil))
      #expect(try sightings.next().outcome.isSuccess)
      try sightings.stop()
      try stage.end()
    }

    @Test func aMissingPathIsTold() throws {
      let sightings = try stage.watch(.disk(DiskWatch(path: "/no/such/place", free: nil, isWritable: true)))
      #expect(
        try sightings.next().outcome
          == .unmet("cannot look at /no/such/place: ENOENT (No such file or directory)")
      )
      try sightings.stop()
      try stage.end()
    }
  }
}
